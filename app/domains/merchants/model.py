"""Merchants, keys and callers."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from app.domains.merchants.fees import FeePlan, FeeRates

SCOPES: Final = ("read", "write")
"""What a key may be allowed: to look, and to act."""

SECRET_BYTES: Final = 24
"""192 bits of randomness: beyond guessing, short enough for a header."""

PREFIX_LENGTH: Final = 12
"""Characters of a secret that stay visible: `sk_test_` and four to tell keys apart."""


class Merchant(msgspec.Struct, frozen=True):
    """A tenant: every row of business data belongs to one."""

    id: UUID
    name: str
    home_region: str
    """Where its rows live."""
    mode: str
    """`test` or `live`."""
    fee_bps: int
    """The platform's share of a payment, in hundredths of a percent."""
    fee_fixed_minor: int
    """And a fixed part, in minor units of the payment's currency."""
    created_at: datetime
    former_region: str | None = None
    """While it moves: the other region in which rows of it may be."""

    @property
    def fee_terms(self) -> FeeRates:
        """What a payment costs that no fee plan covers."""
        return FeeRates(self.fee_bps, self.fee_fixed_minor)


class ApiKey(msgspec.Struct, frozen=True):
    """A key, without its secret."""

    id: UUID
    prefix: str
    """The visible beginning of the secret."""
    merchant_id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


class Caller(msgspec.Struct, frozen=True):
    """Who stands behind a request: a merchant, what its key allows, and what its payments cost."""

    merchant: Merchant
    key_id: UUID
    scopes: frozenset[str]
    fee_plans: Sequence[FeePlan] = ()
    """Those in force."""


def new_secret(mode: str) -> str:
    """A fresh secret: `sk_test_...` or `sk_live_...`."""
    return f"sk_{mode}_{secrets.token_urlsafe(SECRET_BYTES)}"


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret. It is random, so a plain hash is enough: there is no dictionary."""
    return hashlib.sha256(secret.encode()).digest()
