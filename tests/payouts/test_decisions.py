"""Payouts: what each command and each word of a bank does in each state."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.base import ids
from app.base.errors import PlatformError
from app.domains.ledger import Account, Book
from app.domains.ledger.model import ChartAccount, new_account
from app.domains.payouts import decisions, model
from app.domains.payouts.commands import OpenPayout
from app.domains.payouts.decisions import Cancel
from app.domains.payouts.model import Payout
from app.processors import Verdict
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MERCHANT, MAKER, OTHER = UUID(int=1), UUID(int=7), UUID(int=8)


def payout(status: str, **fields: Any) -> Payout:
    """A payout of 100 in this state."""
    given: dict[str, Any] = {
        "merchant_id": MERCHANT,
        "id": UUID(int=2),
        "status": status,
        "currency": "EUR",
        "amount_minor": 100,
        "bank_account_id": UUID(int=3),
        "channel": "single",
        "file_id": None,
        "failure_code": "account_closed" if status == "failed" else None,
        "description": None,
        "metadata": {},
        "created_by": MAKER,
        "approved_by": None,
        "transfer_id": UUID(int=4),
        "paid_transfer_id": UUID(int=5) if status == "paid" else None,
        "returned_transfer_id": None,
        "version": 1,
        "correlation_id": "req_1",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Payout(**given | fields)


@table("""
    status             by     result
    requires_approval  other  pending
    requires_approval  maker  approval_by_same_key
    pending            other  payout_not_approvable
    pending            maker  payout_not_approvable   -- the state before the key
    in_transit         other  payout_not_approvable
    paid               other  payout_not_approvable
    failed             other  payout_not_approvable
    canceled           other  payout_not_approvable
""")
def test_approvals(row: Row) -> None:
    """Only another key approves, and only what waits for it."""
    decided = decisions.decide_approval(
        payout(row.status), {"maker": MAKER, "other": OTHER}[row.by]
    )

    assert row.result == (decided.code if decided else "pending")


def test_anybody_approves_what_the_schedule_made() -> None:
    """A payout that no key asked for is let go by any key."""
    made = payout("requires_approval", created_by=None)

    assert decisions.decide_approval(made, MAKER) is None


@table("""
    status             channel filed  result
    requires_approval  single      0  now
    requires_approval  file        0  now
    pending            single      0  wait   -- the order may be on its way to the bank
    pending            file        0  now
    pending            file        1  wait
    in_transit         single      0  ask
    in_transit         file        1  ask
    paid               single      0  payout_not_cancelable
    failed             single      0  payout_not_cancelable
    canceled           single      0  payout_not_cancelable
""")
def test_cancellations(row: Row) -> None:
    """What the bank surely has not is canceled at once; of what it has the bank decides."""
    file_id = UUID(int=9) if row.filed else None

    decided = decisions.decide_cancel(payout(row.status, channel=row.channel, file_id=file_id))

    assert row.result == (decided.value if isinstance(decided, Cancel) else decided.code)


@table("""
    status             outcome    code            status_after       code_after      moved
    pending            pending    -               in_transit         -               -
    pending            approved   -               paid               -               paid
    pending            declined   account_closed  failed             account_closed  failed
    pending            declined   -               failed             declined        failed
    pending            declined   canceled        canceled           -               canceled
    pending            not_found  -               pending            -               -
    in_transit         pending    -               in_transit         -               -
    in_transit         approved   -               paid               -               paid
    in_transit         declined   account_closed  failed             account_closed  failed
    in_transit         declined   canceled        canceled           -               canceled
    paid               pending    -               paid               -               -
    paid               approved   -               paid               -               -
    paid               declined   account_closed  failed             returned        returned
    failed             approved   -               failed             account_closed  -
    failed             declined   account_closed  failed             account_closed  -
    canceled           pending    -               canceled           -               -
    canceled           declined   canceled        canceled           -               -
    requires_approval  pending    -               requires_approval  -               -
    requires_approval  approved   -               requires_approval  -               -
""")
def test_words_of_the_bank(row: Row) -> None:
    """Each word does what the state allows, and the money moves with the state."""
    made = payout(row.status)
    book = book_of(made)

    step = decisions.decide_verdict(made, Verdict(row.outcome, code=row.code))
    refused = decisions.settle(
        book, made, step, row.code, region="local", stripe=0, correlation_id="req_2"
    )

    assert refused is None
    assert (made.status, made.failure_code) == (row.status_after, row.code_after)
    moved = [f"payout_{row.moved}"] if row.moved else []
    assert [transfer.purpose for transfer in book.transfers] == moved
    assert made.version == (1 if row.status == row.status_after else 2)


@table("""
    status             status_after       moved
    pending            failed             payout_paid,payout_returned
    in_transit         failed             payout_paid,payout_returned
    paid               failed             payout_returned
    failed             failed             payout_paid,payout_returned    -- it had ended here before
    canceled           failed             payout_paid,payout_returned
    returned           failed             -
    requires_approval  requires_approval  -
""")
def test_what_was_paid_and_came_back_is_both(row: Row) -> None:
    """One word that says that two things have happened books both, once and in their order."""
    ends = {"failed", "canceled", "returned"}
    made = payout(
        "failed" if row.status == "returned" else row.status,
        paid_transfer_id=UUID(int=5) if row.status in {"paid", "returned"} else None,
        returned_transfer_id=UUID(int=6) if row.status in ends else None,
    )
    book = book_of(made)
    verdict = Verdict("declined", code="account_closed", was_paid=True)

    for _ in range(3):
        step = decisions.decide_verdict(made, verdict)
        refused = decisions.settle(
            book, made, step, verdict.code, region="local", stripe=0, correlation_id="req_2"
        )
        assert refused is None

    assert made.status == row.status_after
    moved = row.moved.split(",") if row.moved else []
    assert [transfer.purpose for transfer in book.transfers] == moved
    assert made.version == 1 + len(moved)
    if moved:
        assert made.failure_code == model.RETURNED


@table("""
    status             status_after
    pending            failed
    in_transit         in_transit         -- the bank has it, whatever it takes now
    paid               paid
    failed             failed
    canceled           canceled
    requires_approval  requires_approval
""")
def test_what_the_bank_does_not_take(row: Row) -> None:
    """Only what the bank surely has not fails by a refusal, and its money comes back."""
    made = payout(row.status)
    book = book_of(made)

    step = decisions.decide_verdict(
        made, Verdict("not_executed", code="no_euros", is_permanent=True)
    )
    decisions.settle(book, made, step, "no_euros", region="local", stripe=0, correlation_id="req_2")

    assert made.status == row.status_after
    is_new = row.status != row.status_after
    assert [transfer.purpose for transfer in book.transfers] == ["payout_failed"] * is_new
    assert made.failure_code == ("no_euros" if is_new else payout(row.status).failure_code)


@table("""
    status      outcome   status_after
    pending     approved  canceled
    in_transit  approved  canceled
    in_transit  declined  in_transit    -- the bank has executed it
    paid        approved  paid
    failed      approved  failed
    canceled    approved  canceled
""")
def test_words_about_stopping(row: Row) -> None:
    """Only what is still on its way is stopped."""
    made = payout(row.status)

    step = decisions.decide_recall(made, Verdict(row.outcome))
    decisions.settle(
        book_of(made), made, step, None, region="local", stripe=0, correlation_id="req_2"
    )

    assert made.status == row.status_after


@table("""
    available  asked  limit  result
    100        100      100  pending
    100        101     1000  insufficient_funds
    100          -     1000  pending              -- all that is available
    100        100       99  requires_approval
    0            1     1000  insufficient_funds
    0            -     1000  nothing_to_pay_out
    -5           1     1000  insufficient_funds   -- refunds may take more than there is
    -5           -     1000  nothing_to_pay_out
""")
def test_openings(row: Row) -> None:
    """A payout takes what is available, and above the limit it waits for a second key."""
    source = decisions.available_account(MERCHANT, "EUR")
    book = book_of(payout("pending"), available=row.available)
    command = OpenPayout(
        region="local", merchant_id=MERCHANT, intent=None, correlation_id="req_1",
        former_region=None, payout_id=UUID(int=2), bank_account_id=UUID(int=3),
        amount_minor=row.asked, currency="EUR", key_id=MAKER,
    )  # fmt: skip

    made = decisions.decide_open(
        book, command, limit_minor=row.limit, channel="single", transfer_id=UUID(int=4)
    )

    assert row.result == (made.code if isinstance(made, PlatformError) else made.status)
    left = book.accounts[source.id].available_minor
    assert left == (row.available if isinstance(made, PlatformError) else 0)


@table("""
    currency  hundredths  limit
    USD          1000000  1000000
    JPY          1000000  10000
    KWD          1000000  10000000
    CLF          1000000  100000000
    JPY               99  0
""")
def test_limits_of_currencies(row: Row) -> None:
    """A limit in hundredths is the same number of whole units in each currency."""
    assert decisions.approval_limit(row.currency, row.hundredths) == row.limit


def book_of(made: Payout, available: int = 0) -> Book:
    """The accounts of a payout that is on its way, or was paid."""

    def funded(account: ChartAccount, amount: int) -> Account:
        fresh = new_account(account, NOW)
        fresh.posted_credits_minor = max(amount, 0)
        fresh.posted_debits_minor = max(-amount, 0)
        return fresh

    held = 100 if made.status in model.WAITING else 0
    accounts = [
        funded(decisions.available_account(MERCHANT, "EUR"), available),
        funded(decisions.transit_account(MERCHANT, "EUR"), held),
        funded(decisions.cash_account("local", "EUR", 0), 0),
    ]
    assert {account.merchant_id for account in accounts} == {MERCHANT, ids.NIL}
    return Book({account.id: account for account in accounts}, NOW)
