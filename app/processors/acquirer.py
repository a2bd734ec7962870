"""The adapter for the acquirer: its answers become verdicts.

Everything is named by our references, so the acquirer's own ids are kept for people only.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import msgspec

from app.base import clock
from app.processors import signatures
from app.processors.errors import NotificationInvalid, SignatureInvalid
from app.processors.model import (
    Ask,
    AskAuthorization,
    AskBankTransfer,
    AskCapture,
    AskPayout,
    AskRefund,
    AskReversal,
    DisputeState,
    FileState,
    Notification,
    OutcomeName,
    Verdict,
    not_executed,
    unknown,
)
from app.processors.transport import HttpResponse, HttpTransport
from app.processors.vault_transport import VaultTransport, read_code

_OUTCOMES: dict[str, OutcomeName] = {
    "approved": "approved",
    "declined": "declined",
    "requires_action": "requires_action",
    "pending": "pending",
    # The rest are ends without money; the verdict's code keeps their name.
    "voided": "declined",
    "failed": "declined",
    "expired": "declined",
    "returned": "declined",
    "canceled": "declined",
}
_PLAIN = {"approved", "declined", "requires_action", "pending"}
_REFUSED = {400, 401, 403, 404, 405, 413, 415, 422, 429}
"""Statuses after which surely nothing was done."""
_PERMANENT = {400, 413, 415, 422}
"""Those of them that are about what was asked for, and not about who asks, where, or how often."""
_NOT_CONFIGURED = not_executed("not_configured")
_TOO_LATE = "too_late"
_REJECTED = "RJCT"
_FILE_STATES: dict[str, Literal["accepted", "partially_accepted", "rejected"]] = {
    "ACCP": "accepted",
    "PART": "partially_accepted",
    "RJCT": "rejected",
}
# Numbers stand without quotes, so this is JSON only once the vault has filled it in.
_CARD = msgspec.Raw(
    b'{"number":"{{number}}","exp_month":{{exp_month}},"exp_year":{{exp_year}},"cvc":"{{cvc}}"}'
)
_SUBJECTS: dict[str, Any] = {
    "authorization.updated": "authorization",
    "capture.updated": "capture",
    "refund.updated": "refund",
    "bank_transfer.updated": "bank_transfer",
    "payout.updated": "payout",
    "dispute.opened": "dispute",
    "dispute.updated": "dispute",
}


class _Object(msgspec.Struct):
    """Any object of the acquirer: what they have in common, and what some have."""

    id: str
    reference: str
    status: str
    amount: int | None = None
    currency: str | None = None
    captured_amount: int | None = None
    refunded_amount: int | None = None
    received_amount: int | None = None
    """Of a bank transfer: what came, which payers may get wrong."""
    decline_code: str | None = None
    action_url: str | None = None
    instructions: dict[str, str] | None = None


class _Dispute(msgspec.Struct):
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


class _FileLine(msgspec.Struct):
    reference: str
    status: str
    reason: str | None = None


class _FileReport(msgspec.Struct):
    """What became of a file, in the words of pain.002."""

    status: Literal["ACCP", "PART", "RJCT"]
    payouts: list[_FileLine]
    reason: str | None = None

    def to_state(self) -> FileState:
        return FileState(
            status=_FILE_STATES[self.status],
            rejected={
                line.reference: line.reason or _REJECTED
                for line in self.payouts
                if line.status == _REJECTED
            },
            reason=self.reason,
        )


class _Subject(msgspec.Struct):
    reference: str


class _Doorbell(msgspec.Struct):
    id: str
    type: str
    merchant: str
    data: _Subject


T = TypeVar("T")


class Acquirer:
    """The processor `acquirer`."""

    name = "acquirer"

    def __init__(
        self,
        transport: HttpTransport,
        vault: VaultTransport,
        *,
        url: str | None,
        key: str | None,
        notification_key: bytes | None,
    ) -> None:
        self._transport = transport
        self._vault = vault
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._notification_key = notification_key
        self._encode = msgspec.json.Encoder().encode
        self._object = msgspec.json.Decoder(_Object)
        self._dispute = msgspec.json.Decoder(_Dispute)
        self._file = msgspec.json.Decoder(_FileReport)
        self._doorbell = msgspec.json.Decoder(_Doorbell)

    async def authorize(self, ask: AskAuthorization) -> Verdict:
        """Through the vault, which fills the card in."""
        if self._url is None:
            return _NOT_CONFIGURED
        headers = self._headers | {"X-Request-Id": ask.correlation_id}
        if ask.sandbox_fault:
            headers["Sandbox-Fault"] = ask.sandbox_fault
        content = _money(ask) | {"capture": ask.capture, "card": _CARD}
        said = await self._vault.send(
            ask.card,
            ask.merchant,
            f"{self._url}/v1/authorizations",
            headers,
            self._encode(content).decode(),
            correlation_id=ask.correlation_id,
        )
        return self._understand(said, ask, is_query=False)

    async def find_authorization(self, ask: AskAuthorization) -> Verdict:
        return await self._find("authorizations", ask)

    async def capture(self, ask: AskCapture) -> Verdict:
        content = {"reference": ask.reference, "amount": ask.amount_minor, "final": ask.final}
        return await self._do(f"authorizations/{_part(ask.authorization)}/captures", ask, content)

    async def find_capture(self, ask: AskCapture) -> Verdict:
        return await self._find("captures", ask)

    async def reverse(self, ask: AskReversal) -> Verdict:
        content = {"reference": ask.reference, "refund_captured": ask.refund_captured}
        return await self._do(f"authorizations/{_part(ask.authorization)}/reversals", ask, content)

    async def refund(self, ask: AskRefund) -> Verdict:
        content = {
            "reference": ask.reference,
            "authorization": ask.authorization,
            "amount": ask.amount_minor,
        }
        return await self._do("refunds", ask, content)

    async def find_refund(self, ask: AskRefund) -> Verdict:
        return await self._find("refunds", ask)

    async def expect_transfer(self, ask: AskBankTransfer) -> Verdict:
        return await self._do("bank_transfers", ask, _money(ask))

    async def find_transfer(self, ask: AskBankTransfer) -> Verdict:
        return await self._find("bank_transfers", ask)

    async def pay_out(self, ask: AskPayout) -> Verdict:
        return await self._do("payouts", ask, _money(ask) | {"iban": ask.iban, "name": ask.name})

    async def find_payout(self, ask: AskPayout) -> Verdict:
        return await self._find("payouts", ask)

    async def cancel_payout(self, ask: AskPayout) -> Verdict:
        """Approved: it will not be paid. Declined: it is too late."""
        said = await self._send("POST", f"payouts/{_part(ask.reference)}/cancel", "", {})
        if isinstance(said, HttpResponse) and said.status == HTTPStatus.CONFLICT:
            return Verdict("declined", code=read_code(said.body) or _TOO_LATE)
        verdict = self._understand(said, ask, is_query=False)
        if verdict.code == "canceled":
            return msgspec.structs.replace(verdict, outcome="approved", code=None)
        if verdict.outcome in {"approved", "pending"}:
            return msgspec.structs.replace(verdict, outcome="declined", code=_TOO_LATE)
        return verdict

    async def submit_file(self, content: str) -> FileState | Verdict:
        """Given as it is: the bank reads its name inside."""
        if self._url is None:
            return _NOT_CONFIGURED
        headers = self._headers | {"Content-Type": "application/xml"}
        url = f"{self._url}/v1/payout_files"
        said = await self._transport.send("POST", url, headers, content.encode())
        report = _read(said, self._file, is_query=False)
        return report if isinstance(report, Verdict) else report.to_state()

    async def find_dispute(self, dispute_id: str) -> DisputeState | Verdict:
        said = await self._send("GET", f"disputes/{_part(dispute_id)}", "")
        dispute = _read(said, self._dispute, is_query=True)
        return dispute if isinstance(dispute, Verdict) else dispute.to_state()

    async def submit_evidence(self, dispute_id: str, evidence: str, reference: str) -> Verdict:
        """Declined, if it is too late for evidence."""
        return await self._answer(
            dispute_id, "evidence", {"reference": reference, "text": evidence}
        )

    async def accept_dispute(self, dispute_id: str, reference: str) -> Verdict:
        """Declined, if it is won; accepting twice is accepting once, so no reference is needed."""
        del reference
        return await self._answer(dispute_id, "accept", {})

    async def _answer(self, dispute_id: str, how: str, content: Any) -> Verdict:
        said = await self._send("POST", f"disputes/{_part(dispute_id)}/{how}", "", content)
        if isinstance(said, HttpResponse) and said.status == HTTPStatus.CONFLICT:
            return Verdict("declined", code=read_code(said.body) or _TOO_LATE)
        dispute = _read(said, self._dispute, is_query=False)
        if isinstance(dispute, Verdict):
            return dispute
        return Verdict("approved", processor_reference=dispute.id)

    def read_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """A notification whose signature is right.

        Raises:
            SignatureInvalid: it is not, or we have no secret to check it with.
            NotificationInvalid: the acquirer signed something else.
        """
        if self._notification_key is None:
            raise SignatureInvalid
        signatures.check(self._notification_key, headers, body, clock.now())
        try:
            told = self._doorbell.decode(body)
        except ValueError as error:
            raise NotificationInvalid from error
        if told.type not in _SUBJECTS:
            raise NotificationInvalid
        return Notification(
            id=told.id,
            merchant=told.merchant,
            subject=_SUBJECTS[told.type],
            reference=told.data.reference,
            payload=body.decode(),
        )

    async def _find(self, collection: str, ask: Ask) -> Verdict:
        said = await self._send("GET", f"{collection}/{_part(ask.reference)}", ask.correlation_id)
        return self._understand(said, ask, is_query=True)

    async def _do(self, path: str, ask: Ask, content: Any) -> Verdict:
        said = await self._send("POST", path, ask.correlation_id, content)
        return self._understand(said, ask, is_query=False)

    async def _send(
        self, method: str, path: str, correlation_id: str, content: Any = None
    ) -> HttpResponse | Verdict:
        if self._url is None:
            return _NOT_CONFIGURED
        headers = self._headers | {"X-Request-Id": correlation_id}
        body = None if content is None else self._encode(content)
        return await self._transport.send(method, f"{self._url}/v1/{path}", headers, body)

    def _understand(self, said: HttpResponse | Verdict, ask: Ask, *, is_query: bool) -> Verdict:
        told = _read(said, self._object, is_query=is_query)
        if isinstance(told, Verdict):
            return told
        if told.reference != ask.reference:
            return unknown("answer_unreadable")
        return _judge(told, ask)


def _part(reference: str) -> str:
    """A reference as one part of a path; those of disputes come from outside."""
    return quote(reference, safe="")


def _money(ask: AskAuthorization | AskBankTransfer | AskPayout) -> dict[str, Any]:
    return {
        "reference": ask.reference,
        "merchant": ask.merchant,
        "amount": ask.amount_minor,
        "currency": ask.currency,
    }


def _read(
    said: HttpResponse | Verdict, decoder: msgspec.json.Decoder[T], *, is_query: bool
) -> T | Verdict:
    """What the acquirer told, or the verdict if that is no object of its."""
    if isinstance(said, Verdict):
        return said
    if said.status == HTTPStatus.OK:
        try:
            return decoder.decode(said.body)
        except ValueError:
            return unknown("answer_unreadable")
    if said.status == HTTPStatus.NOT_FOUND and is_query:
        return Verdict("not_found")
    if said.status in _REFUSED:
        code = read_code(said.body) or f"http_{said.status}"
        is_permanent = said.status in _PERMANENT and not is_query
        return Verdict("not_executed", code=code, is_permanent=is_permanent)
    # A server's fault says nothing about what it did before. Nor does 409: under our reference
    # there is something else than what was asked for now, and a query tells what.
    return unknown(read_code(said.body) or f"http_{said.status}")


def _judge(told: _Object, ask: Ask) -> Verdict:
    outcome = _OUTCOMES.get(told.status)
    if told.status == "voided" and (told.captured_amount or 0) > (told.refunded_amount or 0):
        outcome = "approved"  # what was voided is the rest of it
    is_received = told.status == "approved" and told.received_amount is not None
    amount_minor = told.received_amount if is_received else told.amount
    is_told = amount_minor is not None or not hasattr(ask, "amount_minor")
    if outcome is None or (outcome == "approved" and not is_told):
        return unknown("answer_unreadable")
    code = told.decline_code or (None if told.status in _PLAIN else told.status)
    if told.currency not in {None, getattr(ask, "currency", None)}:
        # Of the currency that was asked for it did nothing; so whoever compares amounts sees it.
        amount_minor, code = 0, "currency_differs"
    return Verdict(
        outcome,
        processor_reference=told.id,
        amount_minor=amount_minor,
        captured_minor=told.captured_amount,
        code=code,
        action_url=told.action_url,
        instructions=told.instructions,
    )
