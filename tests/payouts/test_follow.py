"""What a notification about a payout leads to, where the payout's own flow is over."""

from uuid import UUID

import pytest

from app.base import ids
from app.domains.payouts.admin import NotPaid, pay_after_all
from app.domains.payouts.bookings import book_payouts
from app.domains.payouts.flow import PAYOUT
from app.domains.payouts.follow import follow_payout
from app.engine.saga import Booking, Postpone, find_anywhere, wake
from app.operate.verify import Check, verify
from app.processors import Notification, Verdict, World
from tests.payouts.support import Moving
from tests.support.databases import rows
from tests.support.engine import opened
from tests.support.outside import ACQUIRER, Said, world_of
from tests.support.tables import Row, table

WORDS = {
    **{word: Verdict(word) for word in ("pending", "declined", "unknown")},
    "approved": Verdict("approved", amount_minor=1_000),
    "returned": Verdict("declined", amount_minor=1_000, code="account_closed", was_paid=True),
}

ENDS = {
    "paid": Verdict("approved", processor_reference="po_1"),
    "failed": Verdict("declined", code="account_closed"),
}


@table("""
    payout   bank      note                              after   flow
    none     -         no_payout                             failed  done
    a_name   -         no_payout                             failed  done
    failed   approved  it_is_failed_here_and_approved_there  failed  parked   -- for people
    failed   pending   it_is_failed_here_and_pending_there   failed  running
    failed   declined  it_is_failed                          failed  done
    failed   returned  booked_as_returned                    failed  done
    failed   unknown   postponed                             failed  done
    paid     approved  it_is_paid                            paid    done
    paid     declined  booked_as_returned                    failed  done
    paid     unknown   postponed                             paid    done
    paid     pending   postponed                             paid    done
""")
async def test_the_bank_is_asked_about_what_is_over(row: Row, database_url: str) -> None:
    """Money that came back is booked; people read of an order that the bank pays all the same."""
    async with opened(database_url) as database:
        moving = Moving(database)
        await moving.begin()
        payout_id = await moving.open(1_000)
        flow = await moving.take(payout_id)
        await moving.hear(payout_id, ENDS["paid" if row.payout == "paid" else "failed"])
        said = Said() if row.bank is None else Said(find_payout=WORDS[row.bank])
        references = {"none": ids.encode("payout", ids.new()), "a_name": "po_1"}
        reference = references.get(row.payout, ids.encode("payout", payout_id))
        notification = Notification(
            "ntf_1", ids.encode("merchant", moving.merchant_id), "payout", reference, "{}"
        )

        world = world_of(database, moving.group, said, PAYOUT)
        note = await follow_payout(world, flow, ACQUIRER, notification)

        await moving.group.close(1)
    expected = row.note.replace("_", " ") + (f" {reference}" if row.note == "no_payout" else "")
    assert ("postponed" if isinstance(note, Postpone) else note) == expected
    assert set(said.asked) == set(said.answers)
    assert status(database_url, payout_id) == row.after
    assert flow_of(database_url, payout_id)[0] == row.flow
    assert await named(database_url) == ([payout_id] if row.flow == "parked" else [])


async def test_what_the_bank_paid_all_the_same_is_resolved(database_url: str) -> None:
    """People see its flow, and book it as paid; or the bank takes it back, and the flow ends."""
    async with opened(database_url) as database:
        moving = Moving(database)
        await moving.begin()
        said = Said(find_payout=WORDS["approved"])
        world = world_of(database, moving.group, said, PAYOUT)
        kept, paid, back, missing = [await ended_there(moving, world) for _ in range(4)]
        before = available(database_url, moving.merchant_id)

        assert (await pay_after_all(world, paid)).status == "paid"
        with pytest.raises(NotPaid, match="it did not end unpaid"):
            await pay_after_all(world, paid)
        said.answers["find_payout"] = Verdict("approved", amount_minor=999)
        with pytest.raises(NotPaid, match="999"):
            await pay_after_all(world, kept)
        said.answers["find_payout"] = WORDS["returned"]
        with pytest.raises(NotPaid, match="does not say that it paid"):
            await pay_after_all(world, back)
        await retry(world, back)
        said.answers["find_payout"] = Verdict("not_found")
        await retry(world, missing)
        with pytest.raises(NotPaid, match="was ever given to a bank"):
            await pay_after_all(world, ids.new())
        await moving.group.close(1)

    assert flow_of(database_url, kept) == ("parked", "it is failed here, and the bank has paid it")
    assert flow_of(database_url, paid) == ("done", "paid after all")
    assert flow_of(database_url, back)[0] == flow_of(database_url, missing)[0] == "done"
    assert [status(database_url, one) for one in (kept, paid, back, missing)] == [
        "failed", "paid", "failed", "failed",
    ]  # fmt: skip
    assert story(database_url, paid) == ["created", "failed", "paid"]
    assert story(database_url, back) == ["created", "failed", "paid", "returned"]
    assert available(database_url, moving.merchant_id) == before - 1_000
    assert await named(database_url) == [kept]


async def test_a_late_word_of_another_process_reopens_what_has_ended(database_url: str) -> None:
    """A process that was told `paid` too late does not keep it to itself."""
    async with opened(database_url) as database:
        moving = Moving(database)
        await moving.begin()
        payout_id = await moving.open(1_000)
        slow = await moving.take(payout_id)
        await moving.hear(payout_id, ENDS["failed"])

        await moving.run(book_payouts, Booking(slow, ENDS["paid"]))

        await moving.group.close(1)
    assert flow_of(database_url, payout_id)[0] == "parked"


async def ended_there(moving: Moving, world: World) -> UUID:
    """A payout that failed here, and of which its bank says then that it has paid it."""
    payout_id = await moving.open(1_000)
    flow = await moving.take(payout_id)
    await moving.hear(payout_id, ENDS["failed"])
    reference = ids.encode("payout", payout_id)
    owner = ids.encode("merchant", moving.merchant_id)
    await follow_payout(world, flow, ACQUIRER, Notification("n", owner, "payout", reference, "{}"))
    return payout_id


async def retry(world: World, payout_id: UUID) -> None:
    """What `suya sagas retry` and a worker do."""
    flow = await find_anywhere(world.database, payout_id)
    assert flow is not None
    assert await wake(world.database, flow) == "a worker takes it up"
    await world.sagas.resume([flow])


async def named(url: str) -> list[UUID]:
    """The payouts that `verify` names, as the only thing that is wrong."""
    found = await verify(url, lambda *_: None)
    assert {finding.check for finding in found} <= {Check.PAYOUT_ENDED}, found
    return [ids.decode("payout", finding.object) for finding in found]


def flow_of(url: str, payout_id: UUID) -> tuple[str, str]:
    """(status, note) of a payout's flow."""
    [found] = rows(url, "SELECT status, note FROM sagas WHERE id = %s", [payout_id])
    return found[0], found[1]


def story(url: str, payout_id: UUID) -> list[str]:
    """The facts about a payout, in order."""
    statement = "SELECT type FROM events WHERE object_id = %s ORDER BY sequence"
    return [str(kind).removeprefix("payout.") for (kind,) in rows(url, statement, [payout_id])]


def available(url: str, merchant_id: UUID) -> int:
    """What a merchant has available."""
    statement = (
        "SELECT posted_credits_minor - posted_debits_minor FROM accounts"
        " WHERE kind = 'merchant_available' AND merchant_id = %s"
    )
    [(found,)] = rows(url, statement, [merchant_id])
    return int(found)


def status(url: str, payout_id: UUID) -> str:
    """A payout's, as it is stored."""
    [(found,)] = rows(url, "SELECT status FROM payouts WHERE id = %s", [payout_id])
    return str(found)
