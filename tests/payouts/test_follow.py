"""What a notification about a payout leads to, where the payout's own flow is over."""

from uuid import UUID

from app.base import ids
from app.domains.payouts.follow import follow_payout
from app.engine.saga import Postpone
from app.processors import Notification, Verdict
from tests.payouts.support import Moving
from tests.support.databases import rows
from tests.support.engine import opened
from tests.support.outside import ACQUIRER, Said, world_of
from tests.support.tables import Row, table

ENDS = {
    "paid": Verdict("approved", processor_reference="po_1"),
    "failed": Verdict("declined", code="account_closed"),
}


@table("""
    payout   bank      note                              after
    none     -         no_payout                         failed
    a_name   -         no_payout                         failed
    failed   approved  it_is_failed_here_and_approved_there  failed
    failed   pending   it_is_failed_here_and_pending_there   failed
    failed   declined  it_is_failed                      failed
    failed   unknown   postponed                         failed
    paid     approved  it_is_paid                        paid
    paid     declined  booked_as_returned                failed
    paid     unknown   postponed                         paid
    paid     pending   postponed                         paid
""")
async def test_the_bank_is_asked_about_what_is_over(row: Row, database_url: str) -> None:
    """Money that came back is booked; people read of an order that the bank pays all the same."""
    async with opened(database_url) as database:
        moving = Moving(database)
        await moving.begin()
        payout_id = await moving.open(1_000)
        flow = await moving.take(payout_id)
        await moving.hear(payout_id, ENDS["paid" if row.payout == "paid" else "failed"])
        said = Said() if row.bank is None else Said(find_payout=Verdict(row.bank))
        references = {"none": ids.encode("payout", ids.new()), "a_name": "po_1"}
        reference = references.get(row.payout, ids.encode("payout", payout_id))
        notification = Notification(
            "ntf_1", ids.encode("merchant", moving.merchant_id), "payout", reference, "{}"
        )

        world = world_of(database, moving.group, said)
        note = await follow_payout(world, flow, ACQUIRER, notification)

        await moving.group.close(1)
    expected = row.note.replace("_", " ") + (f" {reference}" if row.note == "no_payout" else "")
    assert ("postponed" if isinstance(note, Postpone) else note) == expected
    assert said.asked == list(said.answers)
    assert status(database_url, payout_id) == row.after


def status(url: str, payout_id: UUID) -> str:
    """A payout's, as it is stored."""
    [(found,)] = rows(url, "SELECT status FROM payouts WHERE id = %s", [payout_id])
    return str(found)
