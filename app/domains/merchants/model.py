"""Merchants, their keys, callers, and fee plans: what the platform takes of a payment. Pure."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from app.base.money import fee_minor
from app.engine.database import regions_of

ANY: Final = "any"
"""All rails, or all currencies."""


class FeeRates(msgspec.Struct, frozen=True):
    """What a payment costs; amounts in minor units of the currency that the merchant gets."""

    bps: int
    """Hundredths of a percent of what is captured, 0 to 10,000."""
    fixed_minor: int
    """Once per payment."""
    min_minor: int = 0
    """The least of both together; never more than was captured."""
    max_minor: int | None = None
    """The most of both together."""
    refunded: bool = False
    """Whether a refund gives back its share of the fee."""

    @property
    def has_more(self) -> bool:
        """Whether it says more than a share and a fixed part."""
        return self.min_minor > 0 or self.max_minor is not None or self.refunded

    def of(self, amount_minor: int) -> int:
        """The fee of so much captured."""
        return fee_minor(
            amount_minor,
            bps=self.bps,
            fixed_minor=self.fixed_minor,
            min_minor=self.min_minor,
            max_minor=self.max_minor,
        )


class FeePlan(msgspec.Struct, frozen=True):
    """Terms for a merchant's payments on a rail and in a currency, or on any and in any."""

    id: UUID
    merchant_id: UUID
    rail: str
    """`wallet`, `card`, `bank_transfer`, or ANY."""
    currency: str
    """ISO 4217, or ANY."""
    bps: int
    fixed_minor: int
    min_minor: int
    max_minor: int | None
    refunded: bool
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def terms(self) -> FeeRates:
        """What it says."""
        return FeeRates(
            self.bps, self.fixed_minor, self.min_minor, self.max_minor, refunded=self.refunded
        )

    def covers(self, rail: str, currency: str) -> bool:
        """Whether it may be applied to such a payment."""
        return self.rail in {ANY, rail} and self.currency in {ANY, currency}

    @property
    def precision(self) -> tuple[bool, bool]:
        """How closely it names what it is for; the rail counts more than the currency."""
        return self.rail != ANY, self.currency != ANY


def choose(plans: Iterable[FeePlan], rail: str, currency: str) -> FeePlan | None:
    """The plan that names a payment most closely, if any covers it.

    Rail and currency; then the rail alone; then the currency alone; then a plan for everything.
    """
    covering = [plan for plan in plans if plan.covers(rail, currency)]
    return max(covering, key=lambda plan: plan.precision, default=None)


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
    key_generation: int = 1
    """Of its publishable key: the vault takes no lower one."""
    negative_limit_minor: int | None = None
    """How far below zero refunds may take what is available, in minor units of each currency;
    none: as far as they go. What others take, such as disputes, is not limited by it."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Where to look for its rows outside a transaction, in this order."""
        return regions_of(self.home_region, self.former_region)

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
