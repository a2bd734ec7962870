"""The paths under /v1, except those of files."""

import hmac
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from app.sandbox.acquirer import bank_commands, card_commands, dispute_commands, testcards
from app.sandbox.acquirer.faults import Fault, Operation
from app.sandbox.acquirer.model import (
    KINDS,
    AuthorizationRecord,
    BankTransferRecord,
    CaptureRecord,
    DisputeRecord,
    PayoutRecord,
    Record,
    RefundRecord,
)
from app.sandbox.acquirer.site import PlannedOperation, Route, SiteAnswer, SiteRequest
from app.sandbox.acquirer.store import Job
from app.sandbox.acquirer.unit import Ids
from app.sandbox.acquirer.wire import (
    AuthorizationBody,
    BankTransferBody,
    CaptureBody,
    EvidenceBody,
    PayoutBody,
    RefundBody,
    RequestRefused,
    ReversalBody,
    check_currency,
)

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_FINGERPRINT_BYTES = 16  # no two requests of one reference share it by chance
RECORDS_MAX = 1_000  # a page of about 400 kB

_RECORD_KINDS: dict[str, type[Record]] = {
    "authorizations": AuthorizationRecord,
    "captures": CaptureRecord,
    "refunds": RefundRecord,
    "bank_transfers": BankTransferRecord,
    "payouts": PayoutRecord,
    "disputes": DisputeRecord,
}


def decode(kind: type[T], body: bytes) -> T:
    """Decode a body.

    Raises:
        msgspec.ValidationError: it is not of that kind.
    """
    return msgspec.json.decode(body, type=kind)


def answer(record: Record) -> SiteAnswer:
    """A record, answered."""
    return SiteAnswer(_encode(record))


def fingerprint_of(call: SiteRequest, *parts: object) -> str:
    """Fingerprint a request; with a key, because a card's number is among the parts."""
    key = call.site.store.fingerprint_key
    return hmac.digest(key, _encode(parts), "sha256")[:_FINGERPRINT_BYTES].hex()


async def _act(
    call: SiteRequest,
    operation: Operation,
    reference: str,
    job: Callable[[Fault | None], Job[Record]],
    amount_minor: int | None = None,
) -> SiteAnswer:
    """Run a command, with the fault of its request if there is one."""

    async def act(fault: Fault | None) -> SiteAnswer:
        return answer(await call.site.store.run(job(fault)))

    return await call.site.act(call, PlannedOperation(operation, reference, amount_minor, act))


async def authorize(call: SiteRequest) -> SiteAnswer:
    """POST /v1/authorizations."""
    ask = decode(AuthorizationBody, call.body)
    check_currency(ask.currency)
    store, card = call.site.store, ask.card
    # The number goes no further than this function. A repetition's security code is not compared,
    # because a client that may repeat a request must not keep the code.
    mark = (ask.reference, ask.merchant, ask.amount, ask.currency, ask.capture)
    fingerprint = fingerprint_of(call, *mark, card.number, card.exp_month, card.exp_year)
    wish = card_commands.Authorize(
        reference=ask.reference,
        merchant=ask.merchant,
        amount_minor=ask.amount,
        currency=ask.currency,
        capture=ask.capture,
        brand=testcards.brand(card.number),
        last4=card.number[-4:],
        behavior=testcards.behavior(card, store.now),
        fault=None,
        page_url=call.site.page_url,
    )

    async def act(fault: Fault | None) -> SiteAnswer | None:
        asked = wish if fault is None else msgspec.structs.replace(wish, fault=fault)
        held = await store.run(
            partial(card_commands.authorize, wish=asked, fingerprint=fingerprint)
        )
        return None if held.status == "undecided" else answer(held)

    return await call.site.act(
        call, PlannedOperation("authorization", ask.reference, ask.amount, act)
    )


async def capture(call: SiteRequest) -> SiteAnswer:
    """POST /v1/authorizations/{reference}/captures."""
    ask, (held,) = decode(CaptureBody, call.body), call.names
    fingerprint = fingerprint_of(call, held, ask)

    def job(fault: Fault | None) -> Job[Record]:
        return partial(
            card_commands.capture, authorization=held, ask=ask, fault=fault,
            fingerprint=fingerprint,
        )  # fmt: skip

    return await _act(call, "capture", ask.reference, job, ask.amount)


async def reverse(call: SiteRequest) -> SiteAnswer:
    """POST /v1/authorizations/{reference}/reversals."""
    ask, (held,) = decode(ReversalBody, call.body), call.names
    fingerprint = fingerprint_of(call, held, ask)

    def job(_: Fault | None) -> Job[Record]:
        return partial(card_commands.reverse, authorization=held, ask=ask, fingerprint=fingerprint)

    return await _act(call, "reversal", ask.reference, job)


async def refund(call: SiteRequest) -> SiteAnswer:
    """POST /v1/refunds."""
    ask = decode(RefundBody, call.body)
    fingerprint = fingerprint_of(call, ask)

    def job(fault: Fault | None) -> Job[Record]:
        return partial(card_commands.refund, ask=ask, fault=fault, fingerprint=fingerprint)

    return await _act(call, "refund", ask.reference, job, ask.amount)


async def expect_transfer(call: SiteRequest) -> SiteAnswer:
    """POST /v1/bank_transfers."""
    ask = decode(BankTransferBody, call.body)
    fingerprint = fingerprint_of(call, ask)

    def job(fault: Fault | None) -> Job[Record]:
        return partial(bank_commands.expect_transfer, ask=ask, fault=fault, fingerprint=fingerprint)

    return await _act(call, "bank_transfer", ask.reference, job, ask.amount)


def payout_fingerprint(call: SiteRequest, ask: PayoutBody) -> str:
    """The same for an order by itself and for one in a file."""
    return fingerprint_of(call, msgspec.structs.replace(ask, iban=ask.iban.replace(" ", "")))


async def pay_out(call: SiteRequest) -> SiteAnswer:
    """POST /v1/payouts."""
    ask = decode(PayoutBody, call.body)
    fingerprint = payout_fingerprint(call, ask)

    def job(fault: Fault | None) -> Job[Record]:
        return partial(bank_commands.pay_out, ask=ask, fault=fault, fingerprint=fingerprint)

    return await _act(call, "payout", ask.reference, job, ask.amount)


async def cancel_payout(call: SiteRequest) -> SiteAnswer:
    """POST /v1/payouts/{reference}/cancel."""
    (reference,) = call.names

    def job(_: Fault | None) -> Job[Record]:
        return partial(bank_commands.cancel_payout, reference=reference)

    return await _act(call, "payout", reference, job)


async def give_evidence(call: SiteRequest) -> SiteAnswer:
    """POST /v1/disputes/{id}/evidence."""
    ask, (dispute_id,) = decode(EvidenceBody, call.body), call.names
    fingerprint = fingerprint_of(call, dispute_id, ask)

    def job(_: Fault | None) -> Job[Record]:
        return partial(
            dispute_commands.give_evidence,
            dispute_id=dispute_id, ask=ask, fingerprint=fingerprint,
        )  # fmt: skip

    return await _act(call, "evidence", ask.reference, job)


async def accept_dispute(call: SiteRequest) -> SiteAnswer:
    """POST /v1/disputes/{id}/accept."""
    (dispute_id,) = call.names

    def job(_: Fault | None) -> Job[Record]:
        return partial(dispute_commands.accept, dispute_id=dispute_id)

    return await _act(call, "evidence", dispute_id, job)


async def _find(call: SiteRequest, kind: type[Record]) -> SiteAnswer:
    """GET of one record by its reference."""
    (reference,) = call.names

    async def act(_: Fault | None) -> SiteAnswer:
        parameters = {"kind": kind.kind, "reference": reference}
        row = call.site.store.find("find_object", parameters)
        if row is None:
            raise RequestRefused(404, "not_found", f"There is no {kind.kind} of that reference.")
        if kind is AuthorizationRecord:
            card_commands.require_decided(msgspec.json.decode(row[2], type=AuthorizationRecord))
        return SiteAnswer(row[2].encode())

    return await call.site.act(call, PlannedOperation("query", reference, None, act))


async def list_records(call: SiteRequest) -> SiteAnswer:
    """GET /v1/records: a page of all records of a kind, in the order in which they were made."""
    kind = _RECORD_KINDS.get(call.query.get("kind", ""))
    if kind is None:
        raise RequestRefused(400, "unknown_kind", f"The kind is one of {', '.join(_RECORD_KINDS)}.")
    limit = call.query.get("limit", "100")
    if not (limit.isdecimal() and 1 <= int(limit) <= RECORDS_MAX):
        raise RequestRefused(
            400, "invalid_limit", f"The limit is a number from 1 to {RECORDS_MAX}."
        )
    after, merchant = call.query.get("after", ""), call.query.get("merchant")
    if after and not Ids.number(after):
        raise RequestRefused(400, "invalid_position", "The position is not the id of a record.")
    parameters = {"kind": kind.kind, "after": Ids.number(after), "limit": int(limit) + 1}
    statement = "list_records"
    if merchant is not None:
        statement, parameters = "list_records_of_merchant", parameters | {"merchant": merchant}

    async def act(_: Fault | None) -> SiteAnswer:
        rows: Sequence[Any] = await call.site.store.list_rows(statement, parameters)
        page = [msgspec.Raw(row[1].encode()) for row in rows[: int(limit)]]
        return SiteAnswer(_encode({"data": page, "has_more": len(rows) > int(limit)}))

    return await call.site.act(call, PlannedOperation("query", "records", None, act))


ROUTES = (
    Route("POST", "/v1/authorizations", authorize),
    Route("POST", "/v1/authorizations/{reference}/captures", capture),
    Route("POST", "/v1/authorizations/{reference}/reversals", reverse),
    Route("POST", "/v1/refunds", refund),
    Route("POST", "/v1/bank_transfers", expect_transfer),
    Route("POST", "/v1/payouts", pay_out),
    Route("POST", "/v1/payouts/{reference}/cancel", cancel_payout),
    Route("POST", "/v1/disputes/{id}/evidence", give_evidence),
    Route("POST", "/v1/disputes/{id}/accept", accept_dispute),
    Route("GET", "/v1/records", list_records),
    *[
        Route("GET", f"/v1/{plural}/{{reference}}", partial(_find, kind=kind))
        for plural, kind in (*_RECORD_KINDS.items(), ("reversals", KINDS["reversal"]))
    ],
)
