"""The paths under /sandbox: the clock, the script of faults, and events on command."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.base.telemetry import log, metrics
from app.sandbox.acquirer import bank_commands, card_commands, dispute_commands, timers
from app.sandbox.acquirer.faults import OneShot, Script
from app.sandbox.acquirer.handlers import answer, decode
from app.sandbox.acquirer.model import Record
from app.sandbox.acquirer.site import Handler, Route, SiteAnswer, SiteRequest
from app.sandbox.acquirer.store import Job, wall_ms
from app.sandbox.acquirer.unit import Unit
from app.sandbox.acquirer.wire import Amount, Reference, RequestRefused

_encode = msgspec.json.Encoder().encode

ADVANCE_S_MAX = 366 * 86_400  # a year at a time; all timers on the way run before the answer
_NOTIFICATIONS_MAX = 1_000  # a page


class _Advance(Struct, frozen=True, forbid_unknown_fields=True):
    advance_s: Annotated[int, Meta(ge=0, le=ADVANCE_S_MAX)]


class _Arrival(Struct, frozen=True, forbid_unknown_fields=True):
    amount: Amount | None = None


class _Opening(Struct, frozen=True, forbid_unknown_fields=True):
    authorization: Reference
    reason: Reference = "fraudulent"


class _Decision(Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["won", "lost"]


async def read_clock(call: SiteRequest) -> SiteAnswer:
    """GET /sandbox/clock."""
    return SiteAnswer(_encode({"now": call.site.store.now}))


async def advance_clock(call: SiteRequest) -> SiteAnswer:
    """POST /sandbox/clock: answers when everything has happened that was due on the way."""
    asked = decode(_Advance, call.body)
    happened = await timers.advance(call.site.store, timedelta(seconds=asked.advance_s))
    log.info("clock_advanced", seconds=asked.advance_s, happened=happened)
    return SiteAnswer(_encode({"now": call.site.store.now, "happened": happened}))


async def read_faults(call: SiteRequest) -> SiteAnswer:
    """GET /sandbox/faults: the script, with what is left of its one-shot faults."""
    return SiteAnswer(_encode(call.site.faults.current()))


async def write_faults(call: SiteRequest) -> SiteAnswer:
    """PUT /sandbox/faults: replaces the script; what the new one leaves out has its default."""
    given = decode(dict[str, msgspec.Raw], call.body)
    usual = {"latency_ms": call.site.usual_latency_ms}
    script = decode(Script, _encode(usual | given))
    call.site.faults.write(script)
    call.site.store.news.set()  # notifications may go on
    return await read_faults(call)


async def add_fault(call: SiteRequest) -> SiteAnswer:
    """POST /sandbox/faults/next: adds a one-shot fault."""
    call.site.faults.add(decode(OneShot, call.body))
    return await read_faults(call)


async def _run(call: SiteRequest, job: Job[Record]) -> SiteAnswer:
    return answer(await call.site.store.run(job))


async def open_dispute(call: SiteRequest) -> SiteAnswer:
    """POST /sandbox/disputes."""
    asked = decode(_Opening, call.body)
    return await _run(call, partial(_open, asked=asked))


def _open(unit: Unit, asked: _Opening) -> Record:
    return dispute_commands.open_on_command(unit, asked.authorization, asked.reason)


async def decide_dispute(call: SiteRequest) -> SiteAnswer:
    """POST /sandbox/disputes/{id}/decide."""
    asked, (dispute_id,) = decode(_Decision, call.body), call.names
    job = partial(dispute_commands.decide, dispute_id=dispute_id, outcome=asked.outcome)
    return await _run(call, job)


async def arrive(call: SiteRequest) -> SiteAnswer:
    """POST /sandbox/bank_transfers/{reference}/arrive, with another amount if the body has one."""
    asked, (reference,) = decode(_Arrival, call.body or b"{}"), call.names
    job = partial(bank_commands.arrive, reference=reference, amount_minor=asked.amount)
    return await _run(call, job)


def _run_on_named(command: Callable[[Unit, str], Record]) -> Handler:
    """A handler of a POST without a body: runs `command` on the record that the path names."""

    async def handle(call: SiteRequest) -> SiteAnswer:
        (reference,) = call.names
        return await _run(call, lambda unit: command(unit, reference))

    return handle


async def list_notifications(call: SiteRequest) -> SiteAnswer:
    """GET /sandbox/notifications: those that were sent, and those to be sent."""
    after = call.query.get("after", "0")
    if not after.isdecimal():
        raise RequestRefused(400, "invalid_position", "The position is a number.")
    parameters = {"after": int(after), "limit": _NOTIFICATIONS_MAX}
    rows = await call.site.store.list_rows("list_notifications", parameters)
    (waiting,) = call.site.store.find("count_notifications_waiting", {}) or (0,)
    return SiteAnswer(_encode({"data": [_notification(row) for row in rows], "waiting": waiting}))


def _notification(row: tuple[Any, ...]) -> dict[str, Any]:
    number, webhook_id, payload, attempts, due_at, delivered_at = row
    state = "delivered" if delivered_at else "waiting" if due_at is not None else "given_up"
    return {
        "number": number,
        "id": webhook_id,
        "state": state,
        "attempts": attempts,
        "payload": msgspec.Raw(payload.encode()),
    }


async def redeliver(call: SiteRequest) -> SiteAnswer:
    """POST /sandbox/notifications/redeliver: sends all that were sent or given up once more."""

    def job(unit: Unit) -> int:
        now_ms = wall_ms()
        return unit.execute("redeliver_notifications", {"now": now_ms, "after": 0}).rowcount

    count = await call.site.store.run(job)
    call.site.store.news.set()
    return SiteAnswer(_encode({"count": count}))


async def read_health(call: SiteRequest) -> SiteAnswer:
    """GET /healthz: 200 once it serves."""
    call.site.store.find("find_variable", {"name": "tag"})
    return SiteAnswer(b'{"status":"up"}')


async def read_metrics(call: SiteRequest) -> SiteAnswer:
    """GET /metrics: the use of its process; its records are under /v1/records."""
    del call
    return SiteAnswer(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)


ROUTES = (
    Route("GET", "/sandbox/clock", read_clock),
    Route("POST", "/sandbox/clock", advance_clock),
    Route("GET", "/sandbox/faults", read_faults),
    Route("PUT", "/sandbox/faults", write_faults),
    Route("POST", "/sandbox/faults/next", add_fault),
    Route("POST", "/sandbox/disputes", open_dispute),
    Route("POST", "/sandbox/disputes/{id}/decide", decide_dispute),
    Route("POST", "/sandbox/bank_transfers/{reference}/arrive", arrive),
    Route("GET", "/sandbox/notifications", list_notifications),
    Route("POST", "/sandbox/notifications/redeliver", redeliver),
    Route("POST", "/sandbox/refunds/{reference}/fail", _run_on_named(card_commands.fail_refund)),
    Route("POST", "/sandbox/payouts/{reference}/pay", _run_on_named(bank_commands.pay)),
    Route("POST", "/sandbox/payouts/{reference}/fail", _run_on_named(bank_commands.fail_payout)),
    Route(
        "POST", "/sandbox/payouts/{reference}/return", _run_on_named(bank_commands.return_payout)
    ),
    Route(
        "POST",
        "/sandbox/bank_transfers/{reference}/expire",
        _run_on_named(bank_commands.expire_transfer),
    ),
    Route("GET", "/healthz", read_health, public=True),
    Route("GET", "/metrics", read_metrics, public=True),
)
