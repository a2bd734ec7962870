"""The engine on a real database: who goes on with a flow, when, and what is answered."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.base import clock, ids
from app.devkit.chaos.proxy import FaultProxy
from app.domains.merchants import admin
from app.domains.merchants.reads import find_homes
from app.engine.database import Database, GroupCommit, Receipt
from app.engine.idempotency import Answer, KeyReused
from app.engine.saga import Flow, Sagas, TakeFlow, list_due, list_flows, take_flows, wake
from app.engine.saga.errors import NothingDone
from tests.saga.errands import (
    ERRAND,
    FORGET,
    NOBODY_KNOWS,
    UNDO,
    Office,
    Outside,
    office,
)
from tests.support.databases import Databases, execute, rows
from tests.support.engine import make_marks, marks, opened


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    """A database of its own: no audit knows what an errand's answers mean."""
    made = databases.new_database()
    make_marks(made)
    yield made
    databases.drop_database(made)


def marks_of(url: str, flow: Flow) -> list[str]:
    """Which steps of a flow were booked, and how often each."""
    found = marks(url)
    return [f"{n.split()[0]} {c}" for n, c in found.items() if n.endswith(str(flow.id))]


async def take(at: Office, flow: Flow, *, even_parked: bool = False) -> Flow | None:
    """The flow with its lease, if it could be had."""
    ask = TakeFlow("local", flow.merchant_id, flow.id, even_parked=even_parked)
    answer = (await at.group.submit(take_flows, "local", [ask])).only()
    return answer.flow if isinstance(answer.flow, Flow) else None


def let_lease_run_out(url: str, flow: Flow) -> None:
    """As if whoever has the flow had died a while ago."""
    execute(
        url,
        "UPDATE sagas SET lease_until = now() - INTERVAL '1 s',"
        " next_attempt_at = now() - INTERVAL '1 s' WHERE id = %s",
        [flow.id],
    )


def let_it_be_due(url: str, flow: Flow) -> None:
    """As if the pause was over."""
    execute(
        url,
        "UPDATE sagas SET next_attempt_at = now() - INTERVAL '1 s' WHERE id = %s",
        [flow.id],
    )


async def test_an_answer_waits_for_its_flow(url: str) -> None:
    """A flow that ends in time is answered by what it booked, and the key keeps that."""
    outside = Outside("fetched")
    async with office(url, outside) as at:
        errand = at.errand("key-1")
        answer = await at.run(errand)
        again = await at.run(at.errand("key-1"))
        flow = await at.find(errand.flow_id)

    assert (answer.status, answer.body) == (201, '"fetched"')
    assert (again.status, again.body, again.replayed) == (201, '"fetched"', True)
    assert (flow.status, flow.lease_until) == ("done", None)
    assert marks_of(url, flow) == ["run_errand 1"]
    assert len(outside.asked) == 1


async def test_what_takes_longer_is_answered_later(url: str) -> None:
    """An answer that cannot wait is provisional; its key has the final one afterwards."""
    let_go = asyncio.Event()

    async def slow(_: Flow) -> str:
        await let_go.wait()
        return "fetched"

    async with office(url, slow) as at:
        early = await at.run(at.errand("key-1"), wait_s=0.0)
        repeated = asyncio.create_task(at.run(at.errand("key-1")))
        await asyncio.sleep(0.05)  # whether it looks before or after is all the same
        let_go.set()
        late = await repeated

    assert early.is_provisional
    assert early.flow is None
    assert (late.status, late.body) == (201, '"fetched"')


async def test_nobody_knows_and_it_is_asked_again(url: str) -> None:
    """Without an answer a flow is put off; once it is due it is resumed, and ends."""
    outside = Outside(NOBODY_KNOWS, NOBODY_KNOWS, "fetched")
    async with office(url, outside, saga_backoff_ms=(60_000, 120_000)) as at:
        errand = at.errand("key-1")
        answer = await at.run(errand)
        waiting = await at.find(errand.flow_id)
        bucket = errand.flow_id.int % 16
        not_due = await list_due(at.database, "local", bucket, clock.now(), 1_000)
        let_it_be_due(url, waiting)
        first = await at.sagas.resume([waiting])
        longer = await at.find(errand.flow_id)
        let_it_be_due(url, waiting)
        due = await list_due(at.database, "local", bucket, clock.now(), 1_000)
        second = await at.sagas.resume([waiting])
        replay = await at.run(at.errand("key-1"))

    assert answer.is_provisional
    assert (waiting.attempts, waiting.note, waiting.lease_until) == (1, "nobody knows", None)
    assert waiting.next_attempt_at - waiting.updated_at == timedelta(seconds=60)
    assert longer.next_attempt_at - longer.updated_at == timedelta(seconds=120)
    assert errand.flow_id not in [flow.id for flow in not_due]
    assert errand.flow_id in [flow.id for flow in due]
    assert (first, second) == (0, 1)
    assert [flow.attempts for flow in outside.asked] == [0, 1, 2]
    assert (replay.status, replay.replayed) == (201, True)


async def test_a_flow_is_parked_and_woken(url: str) -> None:
    """After its last attempt a flow is parked, where nobody but people and news take it up."""
    outside = Outside(NOBODY_KNOWS, NOBODY_KNOWS, "fetched")
    async with office(url, outside, saga_backoff_ms=(1,), saga_attempts_max=2) as at:
        errand = at.errand()
        await at.run(errand)
        flow = await at.find(errand.flow_id)
        let_it_be_due(url, flow)
        await at.sagas.resume([flow])
        parked = await at.find(errand.flow_id)
        ignored = await at.sagas.resume([parked])
        listed = await list_flows(at.database, "parked", timedelta(0), clock.now(), 1_000)
        said = await wake(at.database, parked)
        woken = await at.find(errand.flow_id)
        ended = await at.sagas.resume([woken])
        over = await wake(at.database, woken)

    assert (parked.status, parked.attempts) == ("parked", 2)
    assert errand.flow_id in [flow.id for flow in listed]
    assert (ignored, ended) == (0, 1)
    assert said == "a worker takes it up"
    assert (woken.status, woken.attempts) == ("running", 1)
    assert over == "it is over"
    assert marks_of(url, flow) == ["run_errand 1"]


async def test_whoever_needs_it_asks_for_a_parked_flow(url: str) -> None:
    """A flow that was given up is asked about at once when somebody waits for it."""
    outside = Outside(NOBODY_KNOWS, NOBODY_KNOWS, "fetched")
    async with office(url, outside, saga_attempts_max=1) as at:
        errand = at.errand()
        await at.run(errand)
        parked = await at.find(errand.flow_id)
        await at.sagas.advance(errand, errand.flow_id, until=clock.monotonic() + 10)
        again = await at.find(errand.flow_id)
        await at.sagas.advance(errand, errand.flow_id, until=clock.monotonic() + 10)
        ended = await at.find(errand.flow_id)

    assert (parked.status, again.status, ended.status) == ("parked", "parked", "done")


async def test_a_flow_in_other_hands_is_waited_for(url: str) -> None:
    """While another process has it nobody here goes on with it, and its end is seen."""
    async with office(url, Outside()) as at:
        errand = at.errand()
        flow = await at.begin(errand)
        at_once = await at.sagas.advance(errand, flow.id, until=clock.monotonic())
        waiting = asyncio.create_task(
            at.sagas.advance(errand, flow.id, until=clock.monotonic() + 30)
        )
        await Office(at.database, Outside("fetched"), at.merchant_id).sagas.drive(flow)
        in_the_end = await waiting

    assert (at_once, in_the_end) == (False, True)
    assert marks_of(url, flow) == ["run_errand 1"]


async def test_a_process_that_ends_finishes_the_flows_in_hand(url: str) -> None:
    """It waits for what is under way outside, and for its booking."""
    is_back = asyncio.Event()

    async def outside(_: Flow) -> str:
        await is_back.wait()
        return "fetched"

    async with office(url, outside) as at:
        errand = at.errand()
        await at.run(errand, wait_s=0)
        closing = asyncio.create_task(at.sagas.close(30))
        await asyncio.wait({closing}, timeout=0.05)
        was_waiting = not closing.done()
        is_back.set()
        await closing
        flow = await at.find(errand.flow_id)

    assert was_waiting
    assert flow.status == "done"


async def test_asking_often_uses_up_no_attempt(url: str) -> None:
    """Whoever asks before the time learns that nobody knows, and nothing is put off by it."""
    outside = Outside(NOBODY_KNOWS)
    async with office(url, outside, saga_backoff_ms=(60_000,), saga_attempts_max=3) as at:
        errand = at.errand()
        await at.run(errand)
        before = await at.find(errand.flow_id)
        for _ in range(5):
            await at.sagas.advance(errand, errand.flow_id, until=clock.monotonic() + 10)
        after = await at.find(errand.flow_id)

    assert len(outside.asked) == 6
    assert (after.status, after.attempts) == ("running", 1)
    assert after.next_attempt_at == before.next_attempt_at


async def test_one_of_many_takes_a_flow(url: str) -> None:
    """Of several that want a flow whose time has come one gets it."""
    async with office(url, Outside(NOBODY_KNOWS)) as at:
        errand = at.errand()
        await at.run(errand)
        flow = await at.find(errand.flow_id)
        others = [Office(at.database, Outside("fetched"), at.merchant_id) for _ in range(6)]
        taken = await asyncio.gather(*[take(other, flow) for other in others])

    assert sum(flow is not None for flow in taken) == 1


async def test_a_lease_that_ran_out_is_nobodys(url: str) -> None:
    """A dead process's flow is taken up when its lease runs out, and counts as asked once."""
    outside = Outside("fetched")
    async with office(url, outside) as at:
        errand = at.errand("key-1")
        flow = await at.begin(errand)
        too_early = await at.sagas.resume([flow])
        let_lease_run_out(url, flow)
        ended = await at.sagas.resume([flow])
        answer = await at.run(at.errand("key-1"))

    assert (too_early, ended) == (0, 1)
    assert [flow.attempts for flow in outside.asked] == [1]
    assert (answer.status, answer.replayed) == (201, True)


async def test_a_flow_that_ends_its_processes_is_parked(url: str) -> None:
    """A flow during which process after process dies is given up like one without an answer."""
    async with office(url, Outside("fetched"), saga_attempts_max=3) as at:
        flow = await at.begin(at.errand())
        taken = []
        for _ in range(3):
            let_lease_run_out(url, flow)
            taken.append(await take(at, flow) is not None)
        latest = await at.find(flow.id)

    assert taken == [True, True, False]
    assert (latest.status, latest.lease_until) == ("parked", None)


async def test_two_drivers_book_once(url: str) -> None:
    """A driver that outlived its lease books nothing once another has taken the flow over."""
    outside = Outside("fetched")
    async with office(url, outside) as at:
        flow = await at.begin(at.errand("key-1"))
        let_lease_run_out(url, flow)
        other = Office(at.database, outside, at.merchant_id)
        taken = await take(other, flow)
        assert taken is not None
        first, second = await asyncio.gather(at.sagas.drive(flow), other.sagas.drive(taken))
        latest = await at.find(flow.id)

    assert first is not None
    assert first.is_provisional
    assert second is not None
    assert second.status == 201
    assert latest.status == "done"
    assert marks_of(url, flow) == ["run_errand 1"]


async def test_a_paused_driver_learns_what_became_of_its_flow(url: str) -> None:
    """Who waited with a driver that was overtaken gets the answer that the other one kept."""
    entered, let_go = asyncio.Event(), asyncio.Event()

    async def paused(_: Flow) -> str:
        entered.set()
        await let_go.wait()
        return UNDO

    async with office(url, paused) as at:
        errand = at.errand("key-1")
        waiting = asyncio.create_task(at.run(errand))
        await entered.wait()
        flow = await at.find(errand.flow_id)
        let_lease_run_out(url, flow)
        other = Office(at.database, Outside("fetched"), at.merchant_id)
        assert await other.sagas.resume([flow]) == 1
        let_go.set()
        answer = await waiting

    assert (answer.status, answer.body) == (201, '"fetched"')
    assert marks_of(url, flow) == ["run_errand 1"]


async def test_an_unknown_flow_is_not_lost(url: str) -> None:
    """A flow of a version that is not here is put off with a note, for who knows it."""
    async with office(url, Outside("fetched")) as at:
        flow = await at.begin(at.errand())
        execute(url, "UPDATE sagas SET name = 'of_tomorrow' WHERE id = %s", [flow.id])
        let_lease_run_out(url, flow)
        moved = await at.sagas.resume([await at.find(flow.id)])
        waiting = await at.find(flow.id)
        execute(url, "UPDATE sagas SET name = 'errand' WHERE id = %s", [flow.id])
        let_it_be_due(url, flow)
        ended = await at.sagas.resume([await at.find(flow.id)])

    assert (moved, ended) == (0, 1)
    assert (waiting.status, waiting.lease_until) == ("running", None)
    assert waiting.note == "nobody here knows of_tomorrow at run_errand"


async def test_a_bug_in_an_external_step_puts_it_off(url: str) -> None:
    """A step that raises loses nothing: it is tried again, and the reason is noted."""
    outside = Outside(ZeroDivisionError("a secret"), NothingDone(), "fetched")
    async with office(url, outside) as at:
        errand = at.errand()
        await at.run(errand)
        bug = await at.find(errand.flow_id)
        await at.sagas.advance(errand, errand.flow_id, until=clock.monotonic() + 10)
        refused = await at.find(errand.flow_id)
        await at.sagas.advance(errand, errand.flow_id, until=clock.monotonic() + 10)
        ended = await at.find(errand.flow_id)

    assert (bug.note, refused.note) == ("bug: ZeroDivisionError", "nothing_done")
    assert ended.status == "done"


async def test_undoing_is_durable(url: str) -> None:
    """A flow that died between what it did and its undoing goes on with the undoing."""
    outside = Outside(UNDO, "undone")
    killed = asyncio.Event()

    async def dies_at_undo(flow: Flow) -> object:
        if flow.recovery_point == "undo_errand":
            killed.set()
            await asyncio.Event().wait()
        return await outside(flow)

    async with office(url, dies_at_undo) as at:
        errand = at.errand("key-1")
        begun = await at.begin(errand)
        task = at.sagas.drive(begun)
        await killed.wait()
        task.cancel()
        left = await at.find(errand.flow_id)
        let_lease_run_out(url, left)
        other = Office(at.database, outside, at.merchant_id)
        ended = await other.sagas.resume([await at.find(errand.flow_id)])
        answer = await other.run(at.errand("key-1"))

    assert (left.recovery_point, left.note) == ("undo_errand", "to be undone")
    assert ended == 1
    assert (answer.status, answer.body) == (201, '"undone"')
    assert marks_of(url, left) == ["undo_errand 1"]


async def test_what_surely_did_nothing_is_forgotten(url: str) -> None:
    """A key whose flow had no effect anywhere begins a new one when it is used again."""
    outside = Outside(FORGET, "fetched")
    async with office(url, outside) as at:
        first = await at.run(at.errand("key-1"))
        second = await at.run(at.errand("key-1"))

    assert first.status == NothingDone.status
    assert (second.status, second.replayed) == (201, False)


class Telling(GroupCommit):
    """Tells when what was submitted is durable."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.durable = asyncio.Event()

    async def submit(self, *commands: Any, **more: Any) -> Receipt[Any]:
        receipt = await super().submit(*commands, **more)
        self.durable.set()
        return receipt


async def test_who_polls_a_forgotten_key_is_told(url: str) -> None:
    """Who waits for another process's flow hears that nothing was done, and asks again."""
    async with office(url, Outside(FORGET)) as at:
        flow = await at.begin(at.errand("key-1"))
        group = Telling(at.database)
        other = Sagas(at.database, group, [ERRAND], find_homes, lambda _: Outside(FORGET))
        asking = asyncio.create_task(other.run(ERRAND, [at.errand("key-1")]))
        await group.durable.wait()
        await at.sagas.drive(flow)
        (outcome,) = (await asking).outcomes

    assert isinstance(outcome, NothingDone)


async def test_each_of_many_has_its_own_outcome(url: str) -> None:
    """A key that is reused meanwhile costs nobody else an answer."""
    async with office(url, Outside("fetched")) as at:
        flow = await at.begin(at.errand("key-1"))
        group = Telling(at.database)
        other = Sagas(at.database, group, [ERRAND], find_homes, lambda _: Outside("fetched"))
        errands = [at.errand("key-1"), at.errand("key-2")]
        asking = asyncio.create_task(other.run(ERRAND, errands))
        await group.durable.wait()
        execute(
            url,
            "UPDATE idempotency_keys SET request = replace(request, 'errands', 'others')"
            " WHERE id = %s",
            [flow.key_id],
        )
        reused, fetched = (await asking).outcomes

    assert isinstance(reused, KeyReused)
    assert isinstance(fetched, Answer)
    assert (fetched.status, fetched.body) == (201, '"fetched"')


async def test_commands_of_many_merchants_are_calls_of_their_own(url: str) -> None:
    """Each is answered in its place, and a queue takes no call about several merchants."""
    async with office(url, Outside("fetched")) as at:
        made = await admin.create_merchant(at.database, name="other", home_region="local")
        other = Office(at.database, Outside("fetched"), made.id)
        errands = [at.errand(), other.errand(), at.errand()]
        with pytest.raises(AssertionError, match="several merchants"):
            await at.sagas.run(ERRAND, errands)
        outcomes = await at.sagas.run_all(ERRAND, errands)
        await at.sagas.close(30)
        flows = [await at.find(errand.flow_id) for errand in errands]

    assert [outcome.status for outcome in outcomes if isinstance(outcome, Answer)] == [202] * 3
    assert [flow.merchant_id for flow in flows] == [errand.merchant_id for errand in errands]


async def test_what_is_durable_is_never_told_as_not_done(url: str) -> None:
    """A database that is away after the first commit leaves the provisional answer as it is."""
    with FaultProxy(url) as proxy:
        async with (
            office(url, Outside("fetched")) as at,
            opened(proxy.url, database_patience_ms=1_000) as far,
        ):
            begun = await at.begin(at.errand("key-1"))
            group = Telling(far)
            other = Sagas(far, group, [ERRAND], find_homes, lambda _: Outside("fetched"))
            asking = asyncio.create_task(other.run(ERRAND, [at.errand("key-1")], wait_s=30.0))
            await group.durable.wait()
            proxy.swallow()
            answer = (await asking).only()
            proxy.clear()
            await at.sagas.drive(begun)
            again = await at.run(at.errand("key-1"))

    assert answer.is_provisional
    assert (again.status, again.body) == (201, '"fetched"')


async def test_somebody_works_on_it(url: str) -> None:
    """People cannot take a flow from who holds its lease."""
    async with office(url, Outside("fetched")) as at:
        flow = await at.begin(at.errand())

        assert await wake(at.database, flow) == "somebody works on it"
        assert await take(at, flow, even_parked=True) is None


async def test_a_flow_is_begun_once(url: str) -> None:
    """A command that runs a second time meets the flow that it began."""
    async with office(url, Outside(NOBODY_KNOWS)) as at:
        errand = at.errand()
        await at.run(errand)
        await at.run(errand)

    found = rows(url, "SELECT count(*) FROM sagas WHERE id = %s", [errand.flow_id])
    assert found == [(1,)]
    assert ids.encode("saga", errand.flow_id).startswith("saga_")
