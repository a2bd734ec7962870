"""The chart of accounts: ids that derive from names, sides that follow from kinds."""

from uuid import UUID

from app.base import ids
from app.domains.ledger.model import (
    CREDIT_NORMAL,
    DEBIT_NORMAL,
    STRIPES,
    merchant_account,
    next_of,
    normal_side,
    platform_account,
    twin_of,
)
from tests.support.tables import Row, table


@table("""
    kind                  side
    customer_wallet       credit
    merchant_pending      credit
    merchant_available    credit
    platform_fees         credit
    payouts_in_transit    credit
    disputes_held         credit
    fx_spread             credit
    rounding              credit
    processor_receivable  debit
    bank_cash             debit
    processor_costs       debit
    dispute_losses        debit
    fx_position           debit
""")
def test_kinds_have_their_side(row: Row) -> None:
    """What we owe grows by credits, what we own grows by debits."""
    assert normal_side(row.kind) == row.side


def test_no_kind_has_two_sides() -> None:
    """Every kind is either of the debit or of the credit side."""
    assert CREDIT_NORMAL.isdisjoint(DEBIT_NORMAL)


def test_accounts_of_the_chart_never_meet() -> None:
    """Another merchant, region, currency, kind or stripe is another account."""
    one, other = ids.new(), ids.new()
    accounts = [
        merchant_account(merchant, currency, kind)
        for merchant in (one, other)
        for currency in ("USD", "EUR")
        for kind in ("merchant_available", "merchant_pending")
    ] + [
        platform_account(region, currency, "platform_fees", stripe)
        for region in ("local", "remote")
        for currency in ("USD", "EUR")
        for stripe in range(STRIPES)
    ]

    assert len({account.id for account in accounts}) == len(accounts)


def test_the_platform_owns_its_accounts() -> None:
    """Platform accounts belong to the nil merchant, a merchant's to the merchant."""
    merchant = ids.new()

    assert platform_account("local", "USD", "bank_cash").merchant_id == ids.NIL
    assert merchant_account(merchant, "USD", "merchant_available").merchant_id == merchant


def test_ids_of_the_chart_never_change() -> None:
    """A new version finds the accounts that an old one opened."""
    merchant = UUID("01890a5d-ac96-774b-bcce-b302099a8057")

    fees = platform_account("local", "USD", "platform_fees", 3)
    available = merchant_account(merchant, "USD", "merchant_available")

    assert (str(fees.id), str(available.id)) == (FEES, AVAILABLE)


def test_accounts_that_stand_for_others_never_change_either() -> None:
    """Those of test merchants, and those that follow full ones, are found again for ever."""
    fees = platform_account("local", "USD", "platform_fees", 3)

    assert str(twin_of(fees.id)) == TEST_FEES
    assert str(next_of(fees.id)) == NEXT_FEES
    assert len({fees.id, twin_of(fees.id), next_of(fees.id), next_of(twin_of(fees.id))}) == 4


FEES = "00000000-0000-87af-8310-bad8edcdbddb"
AVAILABLE = "01890a5d-ac96-8d28-8bc1-30a6c7fc506c"
TEST_FEES = "00000000-0000-8ee4-a8c9-0dcd23d487a0"
NEXT_FEES = "00000000-0000-8a24-a5eb-429eb6301f2f"
