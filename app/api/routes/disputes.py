"""/v1/disputes: read, list, give evidence, submit it, accept."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, get_args

import msgspec
from litestar import Router, get, post
from litestar.response.base import ASGIResponse
from pydantic import AfterValidator, Field

from app.api.http import lists
from app.api.http.call import (
    JSON,
    ApiRequest,
    Call,
    check_json,
    enter,
    intent_of,
    named_intent,
    path_id,
    perform,
    send,
    submit,
    validate,
)
from app.api.http.docs import LIST_PARAMETERS, PAGING_PARAMETERS, Doc
from app.api.http.errors import CardNumberNotAllowed, InvalidForm
from app.api.http.fields import Body, Nothing, no_nul
from app.api.http.reading import Reading
from app.api.http.reply import SINGLE_BYTES_MAX, read_body
from app.api.http.uploads import FORM, FORM_BYTES, UploadedFile, read_file
from app.base import ids
from app.base.pan import contains_pan
from app.domains.disputes import errors, flow, formats, reads, steps
from app.domains.disputes.commands import AddEvidence, AnswerDispute
from app.domains.disputes.errors import DisputeNotFound
from app.domains.disputes.model import DisputeStatus
from app.domains.disputes.views import DisputeView, EvidenceView, dispute_view, evidence_view
from app.engine.idempotency import Intent

EVIDENCE_MAX = 10_000  # characters; what a dispute takes in all


class CreateEvidence(Body):
    """Add a text as evidence; a file is sent as a form instead."""

    text: Annotated[str, AfterValidator(no_nul), Field(min_length=1, max_length=EVIDENCE_MAX)]


_STATUSES: Final = sorted(get_args(DisputeStatus))

_OPEN_ERRORS: Final = (
    errors.DisputeNotFound, errors.DisputeClosed, errors.DisputeBusy, errors.EvidenceOverdue,
)  # fmt: skip


@get(
    "/{dispute_id:str}",
    opt=Doc("Read a dispute", answer=DisputeView, errors=(errors.DisputeNotFound,)).opt(),
)
async def read_dispute(request: ApiRequest, dispute_id: str) -> ASGIResponse:
    """One dispute, as it is now."""
    call = await enter(request, "read")
    dispute = await Reading(call).find(reads.find_dispute, path_id("dispute", dispute_id))
    if dispute is None:
        raise DisputeNotFound(dispute=dispute_id)
    return send(dispute_view(dispute))


@get(
    "/",
    opt=Doc(
        "List disputes", answer=DisputeView, many=True,
        parameters=LIST_PARAMETERS | {
            "payment": {"type": "string"},
            "status": {"type": "string", "enum": _STATUSES},
        },
    ).opt(),
)  # fmt: skip
async def list_disputes(request: ApiRequest) -> ASGIResponse:
    """Newest first; all of the merchant's, one payment's, or those in one state."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED, "payment", "status")
    status = lists.one_of(given, "status", _STATUSES)
    payment_id = lists.cursor(given, "payment", "payment")
    if status is not None and payment_id is not None:
        raise lists.bad("status", "cannot be combined with payment")
    page, reading = lists.page(given, "dispute"), Reading(call, given)
    found = await reading.list(
        page, reads.list_disputes, lambda d: d.id, page, payment_id=payment_id, status=status
    )
    return reading.send(lists.list_view(found.items, dispute_view, more=found.has_more))


@get(
    "/{dispute_id:str}/evidence",
    opt=Doc(
        "List the evidence of a dispute", answer=EvidenceView, many=True,
        errors=(errors.DisputeNotFound,), parameters=PAGING_PARAMETERS,
    ).opt(),
)  # fmt: skip
async def list_evidence(request: ApiRequest, dispute_id: str) -> ASGIResponse:
    """What was given, newest first; the content stays where it is."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING)
    page, reading = lists.page(given, "dispute_evidence"), Reading(call, given)
    dispute = path_id("dispute", dispute_id)
    if await reading.find(reads.find_dispute, dispute) is None:
        raise DisputeNotFound(dispute=dispute_id)
    found = await reading.list(page, reads.list_evidence, lambda e: e.id, page, dispute)
    return reading.send(lists.list_view(found.items, evidence_view, more=found.has_more))


@post(
    "/{dispute_id:str}/evidence",
    opt=Doc(
        "Add evidence to a dispute", body=CreateEvidence, upload=True, answer=EvidenceView,
        status=201, idempotent=True,
        errors=(
            *_OPEN_ERRORS, errors.EvidenceLimit, errors.EvidenceTypeNotAllowed,
            errors.EvidenceTooLarge, errors.EvidenceUnreadable, errors.EvidenceOpaque, InvalidForm,
        ),
    ).opt(),
)  # fmt: skip
async def add_evidence(request: ApiRequest, dispute_id: str) -> ASGIResponse:
    """Keeps a text, or a file of a form (`file`: a PDF, PNG, JPEG or text of up to 1 MiB).

    Nothing is sent to the payer's bank before it is submitted; until then more can be added.
    """
    call = await enter(request, "write")
    if check_json(request, FORM) == JSON:
        body = validate(CreateEvidence, await read_body(request, SINGLE_BYTES_MAX) or b"{}")
        text = UploadedFile(None, formats.TEXT, body.text.encode())
        command = _piece(call, named_intent(request, body), dispute_id, text)
        return await submit(call, steps.add_evidence, command)
    form = await read_body(request, formats.BYTES_MAX + FORM_BYTES, refuse_cards=False)
    # Looking at a large document takes a while, in which others are served.
    file = await asyncio.to_thread(_check, read_file(request, form))
    stands_for = {
        "file": file.name,
        "media_type": file.media_type,
        "sha256": formats.digest(file.content),
    }
    intent = intent_of(request, msgspec.json.encode(stands_for).decode())
    command = _piece(call, intent, dispute_id, file)
    return await submit(call, steps.add_evidence, command)


def _check(file: UploadedFile) -> UploadedFile:
    """The file with a name that can be kept.

    Raises: (the first that applies)
        EvidenceTypeNotAllowed, EvidenceTooLarge, EvidenceUnreadable, CardNumberNotAllowed,
        EvidenceOpaque
    """
    name = file.name or ""
    formats.check_evidence(file.media_type, file.content)
    if contains_pan(name) or formats.has_card_number(file.media_type, file.content):
        raise CardNumberNotAllowed
    return UploadedFile(formats.clean_name(name), file.media_type, file.content)


def _piece(call: Call, intent: Intent, dispute_id: str, file: UploadedFile) -> AddEvidence:
    return call.command(
        AddEvidence,
        intent,
        dispute_id=path_id("dispute", dispute_id),
        evidence_id=ids.new(),
        media_type=file.media_type,
        file_name=file.name,
        content=file.content,
        sha256=formats.digest(file.content),
    )


@post(
    "/{dispute_id:str}/submit",
    opt=Doc(
        "Submit the evidence of a dispute", body=Nothing, answer=DisputeView, idempotent=True,
        provisional=True,
        errors=(*_OPEN_ERRORS, errors.EvidenceMissing, errors.ResponseRefused),
    ).opt(),
)  # fmt: skip
async def submit_dispute(request: ApiRequest, dispute_id: str) -> ASGIResponse:
    """Sends all evidence to the processor, once: nothing can be added afterwards.

    202 means that the processor has not answered yet; `dispute.evidence_submitted` tells of it.
    """
    return await perform(request, Nothing, flow.EVIDENCE, _answer(dispute_id))


@post(
    "/{dispute_id:str}/accept",
    opt=Doc(
        "Accept a dispute", body=Nothing, answer=DisputeView, idempotent=True,
        provisional=True, errors=(*_OPEN_ERRORS, errors.ResponseRefused),
    ).opt(),
)  # fmt: skip
async def accept_dispute(request: ApiRequest, dispute_id: str) -> ASGIResponse:
    """Gives the money up: the dispute is lost.

    202 means that the processor has not answered yet; `dispute.lost` tells of it.
    """
    return await perform(request, Nothing, flow.ACCEPTANCE, _answer(dispute_id))


def _answer(dispute_id: str) -> Callable[[Call, Intent, Nothing], AnswerDispute]:
    def make(call: Call, intent: Intent, _: Nothing) -> AnswerDispute:
        return call.command(
            AnswerDispute,
            intent,
            dispute_id=path_id("dispute", dispute_id),
            flow_id=ids.new(),
        )

    return make


def router() -> Router:
    return Router(
        "/v1/disputes",
        route_handlers=[
            read_dispute, list_disputes, list_evidence, add_evidence, submit_dispute,
            accept_dispute,
        ],
    )  # fmt: skip
