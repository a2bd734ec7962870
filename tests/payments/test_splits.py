"""Refunds that give back fees and take back conversions: parts, failures, and the whole."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.base import ids
from app.domains import fx
from app.domains.fx import Conversion, convert
from app.domains.ledger import Account, Book, Change, Draft, Transfer
from app.domains.ledger.model import new_account
from app.domains.merchants import FeeRates
from app.domains.payments import decisions, model
from app.domains.payments.model import Exchange, Payment, Refund
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
REGION, MERCHANT, WALLET = "local", UUID(int=7), UUID(int=1)
FUNDS = 2**60


def payment(amount: int, terms: FeeRates, whole: Conversion | None = None) -> Payment:
    """A payment from a wallet, before anything is booked."""
    exchange = None if whole is None else Exchange(ids.new(), "1", whole, fx.nothing_of(whole))
    return Payment(
        MERCHANT, ids.new(), "authorized", "wallet", "automatic", WALLET, None, "USD", amount, 0, 0,
        0, terms.bps, terms.fixed_minor, False, None, None, {}, 1, "req_1", NOW, NOW, None,
        fee_plan=terms, exchange=exchange,
    )  # fmt: skip


class Till:
    """A payment, its refunds, and the accounts they move."""

    def __init__(self, found: Payment) -> None:
        self.payment = found
        charts = model.accounts_of_capture(found, REGION, 2)
        charts += model.accounts_of_refund(found, REGION, 2)
        accounts = {account.id: new_account(account, NOW) for account in charts}
        accounts[WALLET] = Account(
            MERCHANT, WALLET, "customer_wallet", "USD", "credit", 0, 0, FUNDS, 0, 0, 0, "open",
            None, NOW,
        )  # fmt: skip
        self.book = Book(accounts, NOW)

    def capture(self) -> None:
        """Take all of the payment."""
        found, amount = self.payment, self.payment.amount_minor
        fee = model.fee_of_capture(found, amount)
        away_minor, away = model.capture_split(found, amount, fee, region=REGION, stripe=2)
        own = model.available_account(MERCHANT, "USD")
        changes = [Change(MERCHANT, WALLET, "debit", amount), *away]
        if amount > away_minor:
            changes.append(Change(MERCHANT, own.id, "credit", amount - away_minor))
        self.post(changes)
        decisions.apply_capture(found, model.Capture(amount, fee, final=True), NOW)

    def refund(self, amount: int) -> Refund:
        """Give a part back."""
        split = model.refund_split(self.payment, amount)
        self.post(model.refund_changes(self.payment, split, region=REGION, stripe=2))
        made = Refund(
            MERCHANT, ids.new(), self.payment.id, "succeeded", "USD", amount, None, {}, 1, "req_1",
            NOW, exchanged=split.exchanged, fee_refunded_minor=split.fee_minor,
        )  # fmt: skip
        decisions.apply_refund(self.payment, split, NOW)
        return made

    def fail(self, refund: Refund) -> None:
        """A refund comes back."""
        split = model.refund_split(self.payment, -refund.amount_minor)
        self.post(model.refund_changes(self.payment, split, region=REGION, stripe=2))
        decisions.apply_refund(self.payment, split, NOW)

    def post(self, changes: list[Change]) -> None:
        """Book a transfer; it balances in each currency, or this fails."""
        draft = Draft(MERCHANT, ids.new(), "posted", "payment", changes, "req_1")
        assert isinstance(self.book.book(draft), Transfer)

    def balances(self) -> dict[tuple[str, str], int]:
        """(kind, currency) -> credits less debits, of accounts that are not even."""
        sums = {
            (a.kind, a.currency): a.posted_credits_minor - a.posted_debits_minor
            for a in self.book.accounts.values()
        }
        return {name: balance for name, balance in sums.items() if balance}


@table("""
    bps  fixed  refunded  amount  refunds         fees_back     merchant
    290     30  no         10000  4000            0                 5680
    290     30  yes        10000  4000            128               5808    -- 320 x 0.4
    290     30  yes        10000  3333,3333,3334  106,107,107          0
    290     30  yes        10000  1,1,9998        0,0,320              0
    290     30  no         10000  10000           0                 -320
    0        0  yes        10000  5000            0                 5000
    0       30  yes           20  7,13            7,13                 0    -- all of it is fee
""")
def test_fees_that_come_back(row: Row) -> None:
    """A refund gives back the fee's share of all refunded so far, or nothing; parts sum to it."""
    terms = FeeRates(row.bps, row.fixed, refunded=row.refunded == "yes")
    till = Till(payment(row.amount, terms))
    till.capture()

    refunds = [till.refund(int(amount)) for amount in str(row.refunds).split(",")]

    assert [r.fee_refunded_minor for r in refunds] == [
        int(fee) for fee in str(row.fees_back).split(",")
    ]
    assert till.balances().get(("merchant_available", "USD"), 0) == row.merchant
    assert till.payment.fee_refunded_minor == sum(r.fee_refunded_minor for r in refunds)


@given(
    bps=st.integers(0, 300),
    fixed=st.integers(0, 100),
    steps=st.lists(st.tuples(st.booleans(), st.integers(1_000, 2_000)), min_size=1, max_size=8),
)
def test_the_fee_given_back_does_not_depend_on_the_order(
    bps: int, fixed: int, steps: list[tuple[bool, int]]
) -> None:
    """Captures and refunds, whichever comes first, give back the fee's share of all refunded."""
    found = payment(10**6, FeeRates(bps, fixed, refunded=True))
    for is_capture, size in [(True, 3_000), *steps]:
        if is_capture:
            capture = decisions.resolve_capture(
                msgspec.structs.replace(found, status="authorized"),
                size,
                final=False,
                left_minor=10**6,
                now=NOW,
            )
            assert isinstance(capture, model.Capture)
            decisions.apply_capture(found, capture, NOW)
        elif size <= found.amount_captured_minor - found.amount_refunded_minor:
            decisions.apply_refund(found, model.refund_split(found, size), NOW)

        refunded, captured = found.amount_refunded_minor, found.amount_captured_minor
        assert found.fee_minor == found.fee_terms.of(captured)
        assert found.fee_refunded_minor == found.fee_minor * refunded // captured


@table("""
    steps                           fee  given_back
    +20000,-3000                    610          91
    +3000,-3000,+17000              610          91    -- 100 went back, and 9 are taken again
    +3000,-3000,+17000,-17000       610         610
    +3000,-1000,+3000,-2000         190          95
""")
def test_a_capture_takes_back_what_a_refund_gave_of_its_fee(row: Row) -> None:
    """3 % and 0.10 of it for all that is captured: a refund before it changes nothing."""
    found = payment(20_000, FeeRates(300, 10, refunded=True))
    for step in str(row.steps).split(","):
        if step[0] == "+":
            captured = decisions.resolve_capture(
                msgspec.structs.replace(found, status="authorized"),
                int(step),
                final=False,
                left_minor=20_000,
                now=NOW,
            )
            assert isinstance(captured, model.Capture)
            decisions.apply_capture(found, captured, NOW)
        else:
            decisions.apply_refund(found, model.refund_split(found, -int(step)), NOW)

    assert (found.fee_minor, found.fee_refunded_minor) == (row.fee, row.given_back)


def test_a_payment_in_another_currency() -> None:
    """The merchant gets the quote's target less a fee in it; a refund takes all of that back."""
    whole = _converted("0.9", 100, 10_000)
    till = Till(payment(10_000, FeeRates(290, 30), whole))

    till.capture()

    assert till.payment.fee_minor == 288  # 2.9 % of 89.10, and 0.30
    assert till.balances() == {
        ("customer_wallet", "USD"): FUNDS - 10_000,
        ("fx_position", "USD"): 10_000,
        ("fx_position", "EUR"): -9_000,
        ("fx_spread", "EUR"): 90,
        ("merchant_available", "EUR"): 8_910 - 288,
        ("platform_fees", "EUR"): 288,
    }
    refund = till.refund(10_000)
    assert refund.exchanged == whole
    assert till.balances() == {
        ("customer_wallet", "USD"): FUNDS,
        ("merchant_available", "EUR"): -288,
        ("platform_fees", "EUR"): 288,
    }


@given(
    amount=st.integers(1, 10**9),
    rate=st.one_of(
        st.none(), st.decimals(Decimal("0.001"), Decimal(1_000), places=4, allow_nan=False)
    ),
    terms=st.builds(
        FeeRates,
        bps=st.integers(0, 10_000),
        fixed_minor=st.integers(0, 500),
        min_minor=st.integers(0, 500),
        max_minor=st.one_of(st.none(), st.integers(500, 10_000)),
        refunded=st.booleans(),
    ),
    steps=st.lists(st.tuples(st.integers(1, 10**9), st.booleans()), max_size=8),
)
def test_whatever_is_refunded_and_fails(
    amount: int, rate: Decimal | None, terms: FeeRates, steps: list[tuple[int, bool]]
) -> None:
    """After refunds, some of which fail, the rest can be refunded, and leaves only what is kept."""
    whole = None if rate is None else _converted(rate, 100, amount)
    if rate is not None and whole is None:
        return
    till = Till(payment(amount, terms, whole))
    till.capture()
    fee = till.payment.fee_minor

    for size, fails in steps:
        left = amount - till.payment.amount_refunded_minor
        if left:
            before = till.balances()
            refund = till.refund(size % left + 1)
            if fails:
                till.fail(refund)
                assert till.balances() == before
        _check_bounds(till.payment)
    if till.payment.amount_refunded_minor < amount:
        till.refund(amount - till.payment.amount_refunded_minor)

    kept = fee - till.payment.fee_refunded_minor
    # A fee that is all of the payment may leave a minor unit, where a part could not carry it.
    assert kept in ({0, 1} if terms.refunded else {fee})
    currency = till.payment.merchant_currency
    expected: dict[Any, int] = {("customer_wallet", "USD"): FUNDS}
    if kept:
        expected |= {
            ("merchant_available", currency): -kept,
            ("platform_fees", currency): kept,
        }
    assert till.balances() == expected


def _check_bounds(found: Payment) -> None:
    assert 0 <= found.fee_refunded_minor <= found.fee_minor
    if found.exchange is not None:
        had, whole = found.exchange.refunded, found.exchange.whole
        assert had.source_minor == found.amount_refunded_minor
        assert 0 <= had.target_minor <= whole.target_minor


def _converted(rate: Decimal | str, bps: int, amount: int) -> Conversion | None:
    made = convert(
        "USD",
        "EUR",
        side="source",
        amount_minor=amount,
        reference_rate=Decimal(rate),
        spread_bps=bps,
    )
    return made if isinstance(made, Conversion) else None
