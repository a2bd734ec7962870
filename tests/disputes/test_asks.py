"""What a processor tells of a dispute counts if it is about that dispute, whoever asks."""

import msgspec

from app.base import ids
from app.domains.disputes.asks import look_at_processor
from app.domains.disputes.commands import ReportDispute
from app.domains.disputes.flow import DISPUTE
from app.domains.disputes.follow import follow_dispute
from app.engine.saga import Flow, Postpone
from app.processors import Notification, Verdict
from tests.disputes.support import ACQUIRER, Stall
from tests.disputes.test_looking import watch_of
from tests.support.outside import Said, world_of
from tests.support.tables import Row, table


async def noticed(stall: Stall, reference: str) -> tuple[Flow, Notification]:
    """A notification about a dispute, and a flow of the merchant in whose name it is followed."""
    flow = await watch_of(stall)
    told = Notification(
        id="ntf_1",
        merchant=ids.encode("merchant", stall.merchant_id),
        subject="dispute",
        reference=reference,
        payload="{}",
    )
    return flow, told


NOTES = {
    "it is under_review": "it_is_under_review",
    "the processor tells of another one": "another",
    "the processor has no such dispute": "no_such_dispute",
}


@table("""
    merchant   dispute  looked     followed
    own        same     it         it_is_under_review
    own        other    unknown    another
    other      same     unknown    another
    other      other    unknown    another
    not_found  -        not_found  no_such_dispute
    unknown    -        unknown    postponed
""")
async def test_what_is_told_of_another_dispute_does_not_count(row: Row, stall: Stall) -> None:
    """Not if it is another merchant's, and not if it has another name."""
    payment = await stall.pay()
    await stall.dispute(payment)
    told = stall.state(payment, "under_review")
    flow, notification = await noticed(stall, told.id)
    if row.merchant == "other":
        told = msgspec.structs.replace(told, merchant=ids.encode("merchant", ids.new()))
    if row.dispute == "other":
        told = msgspec.structs.replace(told, id="dp_other")
    said = Said(find_dispute=told if row.dispute is not None else Verdict(row.merchant))
    world = world_of(stall.database, stall.group, said, DISPUTE)

    looked = await look_at_processor(world, flow)
    followed = await follow_dispute(world, flow, ACQUIRER, notification)

    assert (looked.outcome if isinstance(looked, Verdict) else "it") == row.looked
    assert isinstance(looked, ReportDispute | Verdict)
    word = "postponed" if isinstance(followed, Postpone) else NOTES[followed]
    assert word == row.followed
