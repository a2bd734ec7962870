"""Merchants, their API keys, and what their payments cost.

Guarantees: a secret is shown once and kept only as its SHA-256; a revoked key stops working within
`Keyring.CACHED_S` seconds in every process, and a new fee plan is known as soon; at most one plan
is in force for a merchant, rail and currency.

A merchant's mode, test or live, never changes.

Owns `merchants`, `api_keys` and `fee_plans`, which are the same in every region.

Never sees money.
"""

from app.domains.merchants.errors import (
    ApiKeyNotFound,
    FeePlanEnded,
    FeePlanExists,
    FeePlanNotFound,
    MerchantNotFound,
    UnknownRegion,
)
from app.domains.merchants.model import (
    ANY,
    SCOPES,
    ApiKey,
    Caller,
    FeePlan,
    FeeRates,
    Merchant,
    choose,
)
from app.domains.merchants.reads import Keyring
from app.domains.merchants.store import list_test_merchants

__all__ = [
    "ANY",
    "SCOPES",
    "ApiKey",
    "ApiKeyNotFound",
    "Caller",
    "FeePlan",
    "FeePlanEnded",
    "FeePlanExists",
    "FeePlanNotFound",
    "FeeRates",
    "Keyring",
    "Merchant",
    "MerchantNotFound",
    "UnknownRegion",
    "choose",
    "list_test_merchants",
]
