"""The chart of accounts: which accounts exist beside the customers' wallets, and their ids.

One set per merchant and currency; the platform's own per region and currency. Their ids derive
from their names, so nobody ever looks one up, and they come into being when first used.
"""

from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec

from app.base import ids
from app.domains.ledger.model import Account

STRIPES: Final = 8  # as many writers use a hot platform account without meeting on one row

CREDIT_NORMAL: Final = frozenset(
    "customer_wallet merchant_pending merchant_available platform_fees payouts_in_transit "
    "disputes_held fx_spread rounding".split()
)
DEBIT_NORMAL: Final = frozenset(
    "processor_receivable bank_cash processor_costs dispute_losses fx_position".split()
)


class ChartAccount(msgspec.Struct, frozen=True):
    """An account of the chart, by what it is."""

    merchant_id: UUID
    id: UUID
    kind: str
    currency: str


def normal_side(kind: str) -> str:
    """`debit` or `credit`: the side on which an account of this kind grows."""
    return "credit" if kind in CREDIT_NORMAL else "debit"


def new_account(account: ChartAccount, now: datetime) -> Account:
    """An account of the chart before its first entry; none of them has a floor."""
    return Account(
        merchant_id=account.merchant_id,
        id=account.id,
        kind=account.kind,
        currency=account.currency,
        normal_side=normal_side(account.kind),
        floor_minor=None,
        posted_debits_minor=0,
        posted_credits_minor=0,
        pending_debits_minor=0,
        pending_credits_minor=0,
        version=0,
        status="open",
        customer=None,
        booked_at=now,
    )


@lru_cache(maxsize=100_000)  # a few accounts per merchant and currency
def merchant_account(merchant_id: UUID, currency: str, kind: str) -> ChartAccount:
    """A merchant's own account of `kind`; its id sorts as if made with the merchant."""
    account_id = ids.derived(merchant_id, currency, kind, at=merchant_id)
    return ChartAccount(merchant_id, account_id, kind, currency)


@lru_cache(maxsize=10_000)
def platform_account(region: str, currency: str, kind: str, stripe: int = 0) -> ChartAccount:
    """The platform's account of `kind` in a region; hot ones exist in stripes."""
    account_id = ids.derived(region, currency, kind, stripe)
    return ChartAccount(ids.NIL, account_id, kind, currency)
