"""Merchants and their API keys.

Guarantees: a secret is shown once and kept only as its SHA-256; a revoked key stops working within
`Keyring.CACHED_S` seconds in every process.

Owns `merchants` and `api_keys`, which are the same in every region.

Never sees money.
"""

from app.merchants.errors import ApiKeyNotFound, MerchantNotFound, UnknownRegion
from app.merchants.keyring import Keyring
from app.merchants.model import SCOPES, ApiKey, Caller, Merchant

__all__ = [
    "SCOPES",
    "ApiKey",
    "ApiKeyNotFound",
    "Caller",
    "Keyring",
    "Merchant",
    "MerchantNotFound",
    "UnknownRegion",
]
