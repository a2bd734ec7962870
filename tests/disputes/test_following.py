"""What processors say of disputes, as it is booked."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app.base import ids
from app.domains.disputes import steps as disputes
from tests.disputes.support import FEE, Stall
from tests.support import books
from tests.support.databases import execute
from tests.support.engine import opened
from tests.support.tables import Row, table

PAID = {"processor_receivable": 1_000, "merchant_pending": 1_000}
"""The balances after a payment of 1,000."""


async def test_opening_takes_amount_and_fee(stall: Stall) -> None:
    """An opened dispute holds its amount and costs its fee, and the payment is disputed."""
    payment = await stall.pay(1_000)

    (dispute,) = await stall.tell(stall.state(payment))

    assert dispute["status"] == "needs_response"
    assert (dispute["amount"], dispute["fee"], dispute["fee_returned"]) == (1_000, FEE, 0)
    assert stall.balances() == PAID | {"merchant_available": -1_000 - FEE, "disputes_held": 1_000}
    assert stall.events(payment)[-1] == "payment.disputed"
    assert stall.one("SELECT disputed FROM payments WHERE merchant_id = %s") is True


async def test_winning_gives_the_amount_back(stall: Stall) -> None:
    """A dispute that is won costs its fee only, and the payment is like any other again."""
    payment = await stall.pay(1_000)
    await stall.tell(stall.state(payment))

    (dispute,) = await stall.tell(stall.state(payment, "won"))

    assert (dispute["status"], dispute["fee_returned"]) == ("won", 0)
    assert stall.balances() == PAID | {"merchant_available": -FEE}
    assert stall.events(payment)[-2:] == ["payment.disputed", "payment.undisputed"]


async def test_losing_gives_the_amount_to_the_processor(stall: Stall) -> None:
    """What a lost dispute took the processor does not owe us any more, and it stays disputed."""
    payment = await stall.pay(1_000)
    await stall.tell(stall.state(payment))

    await stall.tell(stall.state(payment, "lost"))

    assert stall.balances() == {"merchant_pending": 1_000, "merchant_available": -1_000 - FEE}
    assert stall.events(payment)[-1] == "payment.disputed"


async def test_the_fee_comes_back_where_the_platform_says_so(url: str) -> None:
    """With SUYA_DISPUTE_FEE_RETURNED a merchant who wins has lost nothing."""
    async with opened(url, dispute_fee_returned=True) as database:
        stall = await Stall.open(database)
        payment = await stall.pay(1_000)

        (dispute,) = await stall.tell(stall.state(payment, "won"))

    assert dispute["fee_returned"] == FEE
    assert stall.balances() == PAID


async def test_the_fee_comes_back_in_the_currency_it_was_paid_in(url: str) -> None:
    """A merchant that got euros paid the fee in euros, and has lost nothing either."""
    async with opened(url, dispute_fee_returned=True) as database:
        stall = await Stall.open(database)
        payment = await stall.pay(1_000, quote_id=await stall.quote(1_000))
        earned = stall.balances("EUR")["merchant_pending"]
        await stall.tell(stall.state(payment))
        assert stall.balances("EUR")["merchant_available"] < -earned

        await stall.tell(stall.state(payment, "won"))

    assert stall.balances("EUR") == {"merchant_pending": earned}
    assert stall.balances() == {"processor_receivable": 1_000}


async def test_a_dispute_without_a_fee(stall: Stall) -> None:
    """Where the processor takes no fee, only the amount moves."""
    payment = await stall.pay(1_000)

    await stall.tell(stall.state(payment, "won", fee=0))

    assert stall.balances() == PAID


@table("""
    meanwhile  outcome  available  receivable
    refunded   won          -2500           0
    refunded   lost         -3500       -1000
    undone     won          -1500           0
    undone     lost         -2500       -1000
""")
async def test_a_decided_dispute_is_booked_whatever_has_become_of_its_payment(
    row: Row, stall: Stall
) -> None:
    """Opened and decided before we looked, it costs its fee, and a lost one what was taken."""
    payment = await stall.pay(1_000, undone=row.meanwhile == "undone")
    if row.meanwhile == "refunded":
        assert (await stall.refund(payment, 1_000)).status == 201

    (dispute,) = await stall.tell(stall.state(payment, row.outcome))
    (again,) = await stall.tell(stall.state(payment, row.outcome))

    assert (dispute["status"], dispute["fee"]) == (row.outcome, FEE)
    assert again == dispute
    dispute_id = ids.decode("dispute", dispute["id"])
    assert stall.events(dispute_id) == ["dispute.opened", f"dispute.{row.outcome}"]
    told = ["payment.disputed"] + ["payment.undisputed"] * (row.outcome == "won")
    assert stall.events(payment)[-len(told) :] == told
    balances = stall.balances()
    assert balances["merchant_available"] == row.available
    assert balances.get("processor_receivable", 0) == row.receivable
    assert "disputes_held" not in balances
    assert [status for status, *_ in stall.flows("dispute")] in ([], ["done"])


async def test_a_dispute_that_was_given_up_is_booked_when_it_is_decided(stall: Stall) -> None:
    """While it is open nothing is left to hold; its end is booked, and its parked flow ends."""
    payment = await stall.pay(1_000)
    await stall.refund(payment, 1_000)
    (refused,) = await stall.tell(stall.state(payment))
    assert refused["code"] == "dispute_not_bookable"
    execute(
        stall.database.url,
        "UPDATE sagas SET status = 'parked' WHERE merchant_id = %s AND name = 'dispute'",
        [stall.merchant_id],
    )

    (dispute,) = await stall.tell(stall.state(payment, "won"))

    assert dispute["status"] == "won"
    ((status, *_),) = stall.flows("dispute")
    assert status == "done"


async def test_a_decided_dispute_of_a_conversion_that_was_taken_back(stall: Stall) -> None:
    """A merchant that got euros, and gave them back, gives them once more where it has lost."""
    payment = await stall.pay(1_000, quote_id=await stall.quote(1_000))
    earned = stall.balances("EUR")["merchant_pending"]
    await stall.refund(payment, 1_000)

    (won,) = await stall.tell(stall.state(payment, "won", reference="dp_1", fee=0))
    assert won["status"] == "won"
    assert stall.balances("EUR")["merchant_available"] == -earned

    (lost,) = await stall.tell(stall.state(payment, "lost", reference="dp_2", fee=0))
    assert lost["status"] == "lost"
    assert stall.balances("EUR")["merchant_available"] == -2 * earned


async def test_what_was_decided_where_a_payment_was_before_is_booked(stall: Stall) -> None:
    """A payment that was undone at one processor and went on to another may be disputed there."""
    payment = await stall.pay(1_000)
    told = stall.told(stall.state(payment, "won"))

    (answer,) = await stall.run(
        disputes.apply_dispute_states, msgspec.structs.replace(told, processor="another")
    )

    assert answer.status == 200, answer.body
    assert stall.balances() == PAID | {"merchant_available": -FEE}


@table("""
    about                amount  fee   currency  why
    none                   1000  1500  USD       dp_sent_by_mistake
    nowhere                1000  1500  USD       pay_
    mine                   1001  1500  USD       1001
    mine                   1000  1500  EUR       EUR
    mine                      0  1500  USD       0
    mine                   1000    -1  USD       -1
""")
async def test_what_cannot_be_booked_is_a_finding(row: Row, stall: Stall) -> None:
    """Nothing is booked of a dispute that does not fit, and a flow waits where people see it."""
    payment = await stall.pay(1_000)
    names = {"none": "dp_sent_by_mistake", "nowhere": ids.encode("payment", ids.new())}
    about = names.get(row.about, ids.encode("payment", payment))

    (answer,) = await stall.tell(
        stall.state(about, amount=row.amount, fee=row.fee, currency=row.currency)
    )

    assert answer["code"] == "dispute_not_bookable"
    assert str(row.why) in answer["detail"]
    assert stall.balances() == PAID
    assert stall.one("SELECT count(*) FROM disputes WHERE merchant_id = %s") == 0
    ((status, attempts, _, note),) = stall.flows("dispute")
    assert (status, attempts) == ("running", 0)
    assert str(row.why) in note


async def test_only_who_has_the_payment_can_dispute_it(stall: Stall) -> None:
    """A payment that the processor does not have cannot be disputed there."""
    payment = await stall.pay(1_000)

    (answer,) = await stall.run(
        disputes.apply_dispute_states,
        msgspec.structs.replace(stall.told(stall.state(payment)), processor="another"),
    )

    assert answer.status == 409
    assert stall.one("SELECT disputed FROM payments WHERE merchant_id = %s") is False


async def test_more_than_is_left_cannot_be_disputed(stall: Stall) -> None:
    """Disputes of one payment are together about no more than was captured, unless one is won."""
    payment = await stall.pay(1_000)
    first = await stall.dispute(payment, amount=600, reference="dp_1")
    second = stall.state(payment, amount=600, reference="dp_2")

    (refused,) = await stall.tell(second)
    assert refused["code"] == "dispute_not_bookable"

    await stall.tell(stall.state(payment, "won", amount=600, reference="dp_1"))
    (taken,) = await stall.tell(second)

    assert taken["status"] == "needs_response"
    assert stall.balances()["disputes_held"] == 600
    assert stall.events(first) == ["dispute.opened", "dispute.won"]
    assert stall.events(payment)[-3:] == [
        "payment.disputed", "payment.undisputed", "payment.disputed",
    ]  # fmt: skip


async def test_a_payment_is_disputed_until_all_is_won(stall: Stall) -> None:
    """Winning one of two disputes does not free the payment."""
    payment = await stall.pay(1_000)
    one: dict[str, Any] = {"amount": 500, "reference": "dp_1"}
    other: dict[str, Any] = {"amount": 500, "reference": "dp_2"}
    await stall.tell(stall.state(payment, **one), stall.state(payment, **other))

    await stall.tell(stall.state(payment, "won", **one))
    assert stall.one("SELECT disputed FROM payments WHERE merchant_id = %s") is True

    await stall.tell(stall.state(payment, "won", **other))
    assert stall.one("SELECT disputed FROM payments WHERE merchant_id = %s") is False


@table("""
    amount  fee   currency  status          why
      1000  1500  USD       won             won
       999  1500  USD       lost            999
      1000  1500  EUR       lost            EUR
""")
async def test_what_contradicts_the_books_is_for_people(row: Row, stall: Stall) -> None:
    """A processor that changes its word changes nothing here: the flow is parked with both."""
    payment = await stall.pay(1_000)
    dispute_id = await stall.dispute(payment)
    await stall.tell(stall.state(payment, "lost"))
    before = stall.balances()

    (answer,) = await stall.tell(
        stall.state(payment, row.status, amount=row.amount, fee=row.fee, currency=row.currency)
    )

    assert answer["code"] == "dispute_not_bookable"
    assert stall.balances() == before
    assert stall.events(dispute_id) == ["dispute.opened", "dispute.lost"]
    ((status, _, _, note),) = stall.flows("dispute")
    assert status == "parked"
    assert str(row.why) in note


async def test_a_dispute_that_changes_its_payment_is_for_people(stall: Stall) -> None:
    """A known dispute that is suddenly about another payment is not opened a second time."""
    payment, other = await stall.pay(1_000), await stall.pay(1_000)
    await stall.dispute(payment, reference="dp_1")

    (answer,) = await stall.tell(stall.state(other, reference="dp_1"))

    assert answer["code"] == "dispute_not_bookable"
    assert stall.one("SELECT count(*) FROM disputes WHERE merchant_id = %s") == 1


async def test_all_of_it_at_once(stall: Stall) -> None:
    """One batch may hold the whole life of a dispute, in any order, doubled, among others."""
    payment, other = await stall.pay(1_000), await stall.pay(1_000)

    answers = await stall.tell(
        stall.state(payment, "under_review"),
        stall.state(other),
        stall.state(payment),
        stall.state(payment, "lost"),
        stall.state(payment, "under_review"),
        stall.state(payment, "lost"),
    )

    assert [answer["status"] for answer in answers] == [
        "under_review", "needs_response", "under_review", "lost", "lost", "lost",
    ]  # fmt: skip
    assert stall.events(ids.decode("dispute", answers[0]["id"])) == [
        "dispute.opened", "dispute.lost",
    ]  # fmt: skip
    assert stall.balances()["disputes_held"] == 1_000


@table("""
    outcome  share
    won       1000
    won        333
    lost      1000
    lost       333
""")
async def test_what_converts_goes_back_at_its_own_rate(row: Row, stall: Stall) -> None:
    """A merchant that got euros gives euros for disputed dollars, and gets the same again."""
    payment = await stall.pay(1_000, quote_id=await stall.quote(1_000))
    earned = stall.balances("EUR")["merchant_pending"]

    (dispute,) = await stall.tell(stall.state(payment, amount=row.share))

    given, fee = dispute["exchange"]["amount"], dispute["exchange"]["fee"]
    assert dispute["exchange"]["currency"] == "EUR"
    assert 0 <= given - earned * row.share / 1_000 < 1
    # The fee is worth what the exact rate says, rounded up, and what was earned is rounded down.
    assert 0 <= fee - earned * FEE / 1_000 < 1 + FEE / 1_000
    assert stall.balances("EUR") == {"merchant_pending": earned, "merchant_available": -given - fee}
    assert stall.balances()["disputes_held"] == row.share
    assert "merchant_available" not in stall.balances()
    await stall.tell(stall.state(payment, row.outcome, amount=row.share))
    after = {"won": -fee, "lost": -given - fee}[row.outcome]
    assert stall.balances("EUR")["merchant_available"] == after
    owed = {"won": 1_000, "lost": 1_000 - row.share}[row.outcome]
    assert stall.balances().get("processor_receivable", 0) == owed


async def test_parts_of_a_conversion_sum_to_the_whole(stall: Stall) -> None:
    """Disputes of parts take together what the whole would, whichever of them were won before."""
    payment = await stall.pay(1_000, quote_id=await stall.quote(1_000))
    earned = stall.balances("EUR")["merchant_pending"]
    parts = [dict[str, Any](amount=333, reference=f"dp_{n}", fee=0) for n in range(3)]
    await stall.tell(*[stall.state(payment, **part) for part in parts])
    await stall.tell(stall.state(payment, "won", **parts[0]))
    await stall.tell(stall.state(payment, "lost", **parts[1]))

    await stall.tell(stall.state(payment, "lost", amount=334, reference="dp_3", fee=0))
    await stall.tell(stall.state(payment, "lost", **parts[2]))

    assert stall.balances("EUR")["merchant_available"] == -earned


async def test_a_reason_of_any_text_is_kept(stall: Stall) -> None:
    """What the processor writes is bounded, and whatever the database cannot keep is left out."""
    payment = await stall.pay(1_000)
    state = msgspec.structs.replace(stall.state(payment), reason="x\x00" * 200)

    (answer,) = await stall.run(disputes.apply_dispute_states, stall.told(state))

    assert answer.status == 200, answer.body
    assert stall.one("SELECT reason FROM disputes WHERE merchant_id = %s") == "x" * 100


@pytest.fixture(scope="module", autouse=True)
def _books(url: str) -> Iterator[None]:
    """After all stories of this file the books of the whole database are in order."""
    yield
    asyncio.run(books.assert_in_order(url))
