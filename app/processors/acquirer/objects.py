"""The fields of the acquirer's objects that Suya reads, and what they mean. Pure."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import msgspec

from app.processors.model import (
    Ask,
    AskBankTransfer,
    AskPayout,
    DisputeState,
    FileState,
    OutcomeName,
    Verdict,
    unknown,
)
from app.processors.transport import HttpResponse
from app.processors.vault_transport import read_code

T = TypeVar("T")

_OUTCOMES: dict[str, OutcomeName] = {
    "approved": "approved",
    "declined": "declined",
    "requires_action": "requires_action",
    "pending": "pending",
    # The other statuses are ends without money; the verdict's code keeps their name.
    "voided": "declined",
    "failed": "declined",
    "expired": "declined",
    "returned": "declined",
    "canceled": "declined",
}
_PLAIN = {"approved", "declined", "requires_action", "pending"}
_REFUSED = {400, 401, 403, 404, 405, 413, 415, 422, 429}
"""Statuses after which certainly nothing was done."""
_PERMANENT = {400, 413, 415, 422}
"""Those of them that are about the request's content, not about its key, place or frequency."""
TOO_LATE = "too_late"
"""The code of a declined cancellation or dispute response, where the acquirer names none."""
_REJECTED = "RJCT"
_FILE_STATES: dict[str, Literal["accepted", "partially_accepted", "rejected"]] = {
    "ACCP": "accepted",
    "PART": "partially_accepted",
    "RJCT": "rejected",
}


class AcquirerObject(msgspec.Struct):
    """Any object of the acquirer: the fields that all have, and some that only some have."""

    id: str
    reference: str
    status: str
    amount: int | None = None
    currency: str | None = None
    captured_amount: int | None = None
    refunded_amount: int | None = None
    received_amount: int | None = None
    """Of a bank transfer: what arrived, which payers may get wrong."""
    decline_code: str | None = None
    action_url: str | None = None
    instructions: dict[str, str] | None = None


_object = msgspec.json.Decoder(AcquirerObject)


class AcquirerDispute(msgspec.Struct):
    id: str
    authorization: str
    merchant: str
    status: Literal["needs_response", "under_review", "won", "lost"]
    reason: str
    amount: int
    fee: int
    currency: str
    due_at: datetime

    def to_state(self) -> DisputeState:
        return DisputeState(
            id=self.id,
            authorization=self.authorization,
            merchant=self.merchant,
            status=self.status,
            reason=self.reason,
            amount_minor=self.amount,
            fee_minor=self.fee,
            currency=self.currency,
            due_at=self.due_at,
        )


class _FilePayout(msgspec.Struct):
    reference: str
    status: str
    reason: str | None = None


class FileReport(msgspec.Struct):
    """The state of a file, in the codes of pain.002."""

    status: Literal["ACCP", "PART", "RJCT"]
    payouts: list[_FilePayout]
    reason: str | None = None

    def to_state(self) -> FileState:
        return FileState(
            status=_FILE_STATES[self.status],
            rejected={
                payout.reference: payout.reason or _REJECTED
                for payout in self.payouts
                if payout.status == _REJECTED
            },
            reason=self.reason,
        )


def path_part(reference: str) -> str:
    """Encode a reference as one part of a path; a dispute's comes from outside."""
    return quote(reference, safe="")


def money(ask: AskBankTransfer | AskPayout) -> dict[str, Any]:
    """The fields of every request that moves an amount."""
    return {
        "reference": ask.reference,
        "merchant": ask.merchant,
        "amount": ask.amount_minor,
        "currency": ask.currency,
    }


def to_verdict(response: HttpResponse | Verdict, ask: Ask, *, is_query: bool) -> Verdict:
    """The verdict of a response to the request `ask`."""
    found = read(response, _object, is_query=is_query)
    if isinstance(found, Verdict):
        return found
    if found.reference != ask.reference:
        return unknown("answer_unreadable")
    return judge(found, ask)


def read(
    response: HttpResponse | Verdict, decoder: msgspec.json.Decoder[T], *, is_query: bool
) -> T | Verdict:
    """The object in a response, or the verdict if there is none."""
    if isinstance(response, Verdict):
        return response
    if response.status == HTTPStatus.OK:
        try:
            return decoder.decode(response.body)
        except ValueError:
            return unknown("answer_unreadable")
    if response.status == HTTPStatus.NOT_FOUND and is_query:
        return Verdict("not_found")
    if response.status in _REFUSED:
        code = read_code(response.body) or f"http_{response.status}"
        is_permanent = response.status in _PERMANENT and not is_query
        return Verdict("not_executed", code=code, is_permanent=is_permanent)
    # An error of a server does not say what it did before. Neither does 409: under this reference
    # the acquirer has another request, and a query shows how that ended.
    return unknown(read_code(response.body) or f"http_{response.status}")


def judge(found: AcquirerObject, ask: Ask) -> Verdict:
    """The verdict on the request `ask`, whose object at the acquirer is `found`."""
    outcome = _OUTCOMES.get(found.status)
    if found.status == "voided" and (found.captured_amount or 0) > (found.refunded_amount or 0):
        outcome = "approved"  # only its rest was voided
    is_received = found.status == "approved" and found.received_amount is not None
    amount_minor = found.received_amount if is_received else found.amount
    has_amount = amount_minor is not None or not hasattr(ask, "amount_minor")
    if outcome is None or (outcome == "approved" and not has_amount):
        return unknown("answer_unreadable")
    code = found.decline_code or (None if found.status in _PLAIN else found.status)
    if found.currency not in {None, getattr(ask, "currency", None)}:
        # In the requested currency it did nothing, which a comparison of amounts then shows.
        amount_minor, code = 0, "currency_differs"
    return Verdict(
        outcome,
        processor_reference=found.id,
        amount_minor=amount_minor,
        captured_minor=found.captured_amount,
        code=code,
        action_url=found.action_url,
        instructions=found.instructions,
        was_paid=found.status == "returned",
    )
