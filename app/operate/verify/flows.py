"""Flows that have not ended, against the objects that wait for them.

A parked flow waits for people. That is no corruption: what it holds is still held, and its answer
still provisional. So it counts as open here, and its number is reported besides. Two kinds are
findings all the same, because money has moved outside that is nowhere in the books: a dispute that
was given up before it was booked, and a payout that has ended here and not at its bank.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from app.base import ids
from app.domains.disputes.model import FINAL, RANK, WATCH, WatchPlan
from app.domains.payments.decisions import NEVER
from app.domains.payments.model import UNDECIDED, Rail, RefundPlan
from app.domains.payouts.model import FLOW, Recall
from app.engine.database import Queries
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import FIRST, Row, uuid_array

queries = Queries(__package__, "flows.sql")

OF_PAYMENTS: Final = frozenset({"authorization", "capture", "cancellation", "refund"})
"""Flows about a payment; at most one of them is under way at a time."""

_rail = msgspec.json.Decoder(Rail)


class OpenFlow(msgspec.Struct, frozen=True):
    """A flow that has not ended."""

    object_id: str
    id: str
    name: str
    key_id: str | None
    data: str


Flows = Mapping[str, Sequence[OpenFlow]]
"""Object -> the open flows about it."""


class BusyPayment(msgspec.Struct, frozen=True):
    """A payment that waits for a processor, and its hold."""

    merchant_id: str
    id: str
    status: str
    operation_id: str | None
    hold_status: str | None
    hold_expires_at: datetime | None


class _Provisional(msgspec.Struct):
    """The part that every provisional answer has."""

    id: str
    object: str
    payment: str | None = None
    """Of a refund: its payment, which its flow is about."""


_provisional = msgspec.json.Decoder(_Provisional)


async def check(audit: Audit) -> None:
    """Walk the waiting objects, each page with its flows; then the flows with the payments."""
    await _check_payments(audit)
    await _check_refunds(audit)
    await _check_payouts(audit)
    await _check_disputes(audit)
    await _check_answers(audit)
    await _check_flows(audit)
    audit.parked = await audit.snapshot.count(queries.count_parked, audit.regions)


async def _check_payments(audit: Audit) -> None:
    stream = audit.stream(queries.list_busy_payments, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in stream.pages():
        flows = await _find(audit, ((row[0], row[1]) for row in rows))
        for row in rows:
            payment = BusyPayment(*row)
            for check_, what in judge_payment(payment, flows.get(payment.id, ())):
                audit.add(check_, wire("payment", payment.id), what)


def judge_payment(payment: BusyPayment, flows: Sequence[OpenFlow]) -> Iterator[tuple[Check, str]]:
    """Judge a payment and the flow that it names. Pure."""
    operation = payment.operation_id
    named = next((f for f in flows if f.id == operation and f.name in OF_PAYMENTS), None)
    undecided = payment.status in UNDECIDED
    if operation is not None and named is None:
        what = f"it names {wire('saga', operation)}, which is no open flow about it"
        yield Check.PAYMENT_OPERATION, what
    elif undecided and (named is None or named.name != "authorization"):
        what = f"it is {payment.status}, and no open flow will decide what is held"
        yield Check.HELD_HAS_FLOW, what
    ends = payment.hold_expires_at != NEVER
    if payment.hold_status == "open" and undecided == ends:
        until = f"until {payment.hold_expires_at}" if ends else "without end"
        yield Check.HELD_HAS_FLOW, f"it is {payment.status}, and its hold is open {until}"


async def _check_refunds(audit: Audit) -> None:
    stream = audit.stream(queries.list_pending_refunds, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in stream.pages():
        flows = await _find(audit, ((row[0], row[2]) for row in rows))
        for _, refund_id, payment_id in rows:
            if not any(_makes(flow, refund_id) for flow in flows.get(payment_id, ())):
                what = "it is pending, and no open flow makes it"
                audit.add(Check.PENDING_HAS_FLOW, wire("refund", refund_id), what)


def _makes(flow: OpenFlow, refund_id: str) -> bool:
    if flow.name != "refund":
        return False
    try:
        return str(msgspec.json.decode(flow.data, type=RefundPlan).refund_id) == refund_id
    except msgspec.MsgspecError:
        return False


async def _check_payouts(audit: Audit) -> None:
    stream = audit.stream(queries.list_payouts_at_banks, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in stream.pages():
        flows = await _find(audit, ((row[0], row[1]) for row in rows))
        for _, payout_id, status in rows:
            if not any(flow.name == FLOW for flow in flows.get(payout_id, ())):
                what = f"it is {status}, and no open flow asks the bank"
                audit.add(Check.PENDING_HAS_FLOW, wire("payout", payout_id), what)


async def _check_disputes(audit: Audit) -> None:
    stream = audit.stream(queries.list_open_disputes, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in stream.pages():
        flows = await _find(audit, ((row[0], row[1]) for row in rows))
        for _, dispute_id, status, operation in rows:
            about = flows.get(dispute_id, ())
            if status in RANK.keys() - FINAL and not any(f.name == WATCH for f in about):
                what = f"it is {status}, and no open flow looks at it"
                audit.add(Check.PENDING_HAS_FLOW, wire("dispute", dispute_id), what)
            if operation is not None and not any(f.id == operation for f in about):
                what = f"it names {wire('saga', operation)}, which is no open flow about it"
                audit.add(Check.PENDING_HAS_FLOW, wire("dispute", dispute_id), what)


async def _check_answers(audit: Audit) -> None:
    stream = audit.stream(queries.list_provisional, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in stream.pages():
        about: dict[str, str | None] = {row[1]: _about(row[3]) for row in rows}
        objects = [(row[0], found) for row in rows if (found := about[row[1]]) is not None]
        flows = await _find(audit, objects)
        for merchant_id, key_id, key, _ in rows:
            waiting = flows.get(about[key_id] or "", ())
            if not any(key_id in _keys(flow) for flow in waiting):
                what = "the answer kept under it is provisional, and no open flow will replace it"
                name = f"{wire('merchant', merchant_id)}/{key}"
                audit.add(Check.PROVISIONAL_ANSWER, name, what)


def _about(body: str) -> str | None:
    """The object of the flow behind an answer."""
    try:
        said = _provisional.decode(body)
        if said.object == "refund" and said.payment is not None:
            return str(ids.decode("payment", said.payment))
        return str(ids.decode(said.object, said.id))
    except (msgspec.MsgspecError, ids.MalformedId, KeyError):
        return None


def _keys(flow: OpenFlow) -> Iterator[str | None]:
    """The keys whose answers a flow will replace."""
    yield flow.key_id
    if flow.name == FLOW:
        try:
            yield str(Recall.of(flow.data).key)
        except msgspec.MsgspecError:
            return


async def _check_flows(audit: Audit) -> None:
    again = audit.doubled(lambda row: wire("saga", row[1]), "it")
    stream = audit.stream(queries.list_open_flows, again, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in audit.pages("open flows", stream, queries.count_open_flows):
        some = [row for row in rows if row[2] in OF_PAYMENTS]
        wanted = {row[3]: row[0] for row in some}
        found = await audit.look_up(queries.find_operations, wanted) if wanted else []
        payments = {payment_id: (operation, rail) for payment_id, operation, rail in found}
        for _, flow_id, name, payment_id, *_ in some:
            what = _why_lone(flow_id, name, payments.get(payment_id))
            if what is not None:
                payment = wire("payment", payment_id)
                what = f"it is an open {name} of {payment}, which {what}"
                audit.add(Check.PAYMENT_OPERATION, wire("saga", flow_id), what)
        parked = [row for row in rows if row[4] == "parked"]
        await _check_given_up_disputes(audit, [row for row in parked if row[2] == WATCH])
        await _check_ended_payouts(audit, [row for row in parked if row[2] == FLOW])


async def _check_given_up_disputes(audit: Audit, parked: Sequence[Row]) -> None:
    """Look for disputes of payments of ours that were given up before they were booked.

    What a processor has taken for one is nowhere in the books, so nothing else can show it.
    """
    wanted = {row[3]: row[0] for row in parked}
    found = await audit.look_up(queries.find_disputes, wanted) if wanted else []
    booked = {dispute_id for (dispute_id,) in found}
    for _, flow_id, _, dispute_id, _, data, note in parked:
        if dispute_id not in booked and _is_ours(data):
            what = f"it has given up a dispute that is not booked: {note}"
            audit.add(Check.DISPUTE_BOOKED, wire("saga", flow_id), what)


def _is_ours(data: str) -> bool:
    """Whether a reported dispute names a payment; one that does not is no money of ours."""
    try:
        return msgspec.json.decode(data, type=WatchPlan).payment_id is not None
    except msgspec.MsgspecError:
        return True


async def _check_ended_payouts(audit: Audit, parked: Sequence[Row]) -> None:
    """Look for payouts that have ended here, and whose bank says something else."""
    wanted = {row[3]: row[0] for row in parked}
    found = await audit.look_up(queries.find_ended_payouts, wanted) if wanted else []
    notes = {row[3]: row[6] for row in parked}
    for payout_id, status in found:
        what = f"it is {status}, and its flow waits for people: {notes[payout_id]}"
        audit.add(Check.PAYOUT_ENDED, wire("payout", payout_id), what)


def _why_lone(flow_id: str, name: str, payment: tuple[str | None, str | None] | None) -> str | None:
    """Why no object has this flow.

    None if one has it, or if it is a cancellation beside another.
    """
    if payment is None:
        return "does not exist"
    operation, rail = payment
    if operation == flow_id:
        return None
    if name == "cancellation" and rail is not None and _rail.decode(rail).cancel_requested:
        return None
    return f"names {wire('saga', operation)}" if operation else "names no flow"


async def _find(audit: Audit, objects: Iterable[tuple[str, str]]) -> Flows:
    """Read the open flows about some (merchant, object), in all regions."""
    wanted: Sequence[Row] = sorted(set(objects))
    found: defaultdict[str, list[OpenFlow]] = defaultdict(list)
    for region in audit.regions if wanted else ():
        params = {
            "region": region,
            "merchant_ids": uuid_array(merchant_id for merchant_id, _ in wanted),
            "ids": uuid_array(object_id for _, object_id in wanted),
        }
        for row in await audit.snapshot.rows(queries.find_open_flows, params):
            found[row[0]].append(OpenFlow(*row))
    return found
