"""Orders to a bank: what they end as, when each answer may be lost and each order refused."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from app.domains.payouts.asks import give_order, judge
from app.domains.payouts.bookings import book_payouts
from app.engine.saga import Booking, Postpone
from app.processors import AskPayout, Verdict
from tests.payouts.support import Moving
from tests.payouts.test_decisions import payout
from tests.support import books
from tests.support.databases import rows
from tests.support.engine import opened
from tests.support.tables import Row, table

ASK = AskPayout(
    reference="po_1", merchant="mer_1", correlation_id="req_1", amount_minor=100, currency="EUR",
    iban="DE89370400440532013000", name="Ada Obi",
)  # fmt: skip
WORDS = {
    "taken": Verdict("pending", amount_minor=100),
    "paid": Verdict("approved", amount_minor=100),
    "declined": Verdict("declined", code="blocked_account"),
    "refused": Verdict("not_executed", code="no_euros", is_permanent=True),
    "unauthorized": Verdict("not_executed", code="unauthorized"),
    "circuit_open": Verdict("not_executed", code="circuit_open"),
    "unreachable": Verdict("not_executed", code="unreachable"),
    "unknown": Verdict("unknown", code="timeout"),
    "not_found": Verdict("not_found"),
}
ATTEMPTS = 12  # as many as a flow has before people see it
SURVIVES = 0.8
ARRIVES = 0.5
HISTORIES = 100  # of a seed: what matters most is rare


class Scripted:
    """A bank that says one thing after the other."""

    def __init__(self, **said: str | None) -> None:
        self.said = said

    async def pay_out(self, _: AskPayout) -> Verdict:
        return WORDS[self.said.pop("order") or ""]

    async def find_payout(self, _: AskPayout) -> Verdict:
        return WORDS[self.said.pop("before") or ""]


@table("""
    first  before     order         ends
    yes    -          taken         pending
    yes    -          declined      declined
    yes    -          refused       not_executed  -- nobody can have asked before
    yes    -          unauthorized  again
    yes    -          circuit_open  again
    yes    -          unreachable   again
    yes    -          unknown       again
    no     taken      -             pending
    no     paid       -             approved
    no     unknown    -             again
    no     not_found  taken         pending
    no     not_found  refused       again         -- an earlier one may still be on its way
    no     not_found  unauthorized  again
    no     not_found  circuit_open  again
    no     not_found  unreachable   again
    no     not_found  unknown       again
""")
async def test_orders(row: Row) -> None:
    """What a bank refuses is booked only where surely none was given before."""
    bank: Any = Scripted(before=row.before, order=row.order)

    verdict = await give_order(bank, ASK, is_first=row.first == "yes")

    told = judge(payout("pending"), verdict)
    assert row.ends == ("again" if isinstance(told, Postpone) else told.outcome)


class Fickle:
    """A bank that takes an order once, or refuses it; each question and answer may be lost."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.taken = False
        self.late = False
        self.refuses = random.random()

    def _take(self) -> bool:
        """Whether it takes an order that arrives; it may refuse what it has, too."""
        refused = self.random.random() < self.refuses
        self.taken = self.taken or not refused
        return not refused

    def arrive(self) -> None:
        """What was on its way is there, in whatever order it was sent."""
        if self.late:
            self.late = False
            self._take()

    async def pay_out(self, _: AskPayout) -> Verdict:
        if self.random.random() < ARRIVES:
            self.arrive()
        fault = self.random.choice(["", "", "circuit_open", "unreachable", "lost", "late", "after"])
        if fault in WORDS:
            return WORDS[fault]
        if fault in {"lost", "late"}:
            self.late = self.late or fault == "late"
            return WORDS["unknown"]
        refused = not self._take()
        return WORDS["unknown" if fault == "after" else "refused" if refused else "taken"]

    async def find_payout(self, _: AskPayout) -> Verdict:
        if self.random.random() < ARRIVES:
            self.arrive()
        if self.random.random() < 0.3:
            return WORDS["unknown"]
        return WORDS["taken" if self.taken else "not_found"]


@given(seed=st.integers(0, 2**32))
async def test_whatever_is_lost_the_money_is_in_one_place(seed: int) -> None:
    """However answers are lost and processes die, a payout fails only if the bank has none."""
    random = Random(seed)
    for _ in range(HISTORIES):
        bank = Fickle(random)

        told = await _end(bank)
        bank.arrive()

        if isinstance(told, Verdict):
            assert told.is_permanent == (not bank.taken)


async def _end(bank: Any) -> Verdict | Postpone:
    """What a payout ends as; a process may die with what it was told."""
    for attempt in range(ATTEMPTS):
        told = judge(payout("pending"), await give_order(bank, ASK, is_first=attempt == 0))
        if isinstance(told, Verdict) and bank.random.random() < SURVIVES:
            return told
    return Postpone("people have to look at it")


@pytest_asyncio.fixture
async def stall(database_url: str) -> AsyncIterator[Moving]:
    """A merchant with money, whose steps are run here."""
    async with opened(database_url) as database:
        made = Moving(database)
        await made.begin()
        yield made
        await made.group.close(1)


async def test_a_refusal_counts_only_in_the_hands_that_have_the_flow(stall: Moving) -> None:
    """Who was paused while another gave the order again brings a refusal that says nothing."""
    url, name = stall.database.url, await stall.open(700)
    slow = await stall.take(name)
    quick = await stall.take(name)

    await stall.run(book_payouts, Booking(slow, WORDS["refused"]))

    assert rows(url, "SELECT status FROM payouts") == [("pending",)]
    (lease,) = rows(url, "SELECT lease_until FROM sagas WHERE name = 'payout'")
    assert lease == (quick.lease_until,)
    await stall.run(book_payouts, Booking(quick, WORDS["taken"]))
    await stall.run(book_payouts, Booking(slow, WORDS["refused"]))
    assert rows(url, "SELECT status FROM payouts") == [("in_transit",)]
    await books.assert_in_order(url)


async def test_a_refusal_gives_the_money_back(stall: Moving) -> None:
    """A payout that was refused has failed for good, whatever is brought afterwards."""
    url, name = stall.database.url, await stall.open(700)
    flow = await stall.take(name)

    for word in ("refused", "refused", "unknown"):
        await stall.run(book_payouts, Booking(flow, WORDS[word]))

    assert rows(url, "SELECT status, failure_code FROM payouts") == [("failed", "no_euros")]
    assert rows(url, "SELECT status FROM sagas WHERE name = 'payout'") == [("done",)]
    await books.assert_in_order(url)
