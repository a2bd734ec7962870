"""The records of a history, the content of a database, and what can be wrong between the two.

All instants are seconds on one clock that never steps (the run's own), so that "answered before the
other was sent" can be decided.
"""

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

NO_ANSWER = 0
"""The status of a try without an answer."""

CARD = "card"
"""The metadata of a card payment that say what its bank will answer: `approved` or `declined`."""


class Operation(StrEnum):
    """The kinds of requests."""

    DEPOSIT = "deposit"
    PAYMENT = "payment"
    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    TRANSFER = "transfer"
    READ = "read"


class Outcome(StrEnum):
    """What the client knows of a request."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Shop(msgspec.Struct, frozen=True):
    """A merchant of the run."""

    merchant: str
    """mer_..."""
    region: str
    fee_bps: int
    fee_fixed_minor: int


class Run(msgspec.Struct, frozen=True, tag="run", tag_field="record"):
    """The first record: what was run, and on whose accounts."""

    scenario: str
    target: str
    seed: int
    rate_per_s: int
    shops: list[Shop]


class Request(msgspec.Struct, frozen=True, tag="request", tag_field="record"):
    """A request, written before its first try is sent."""

    key: str
    """The Idempotency-Key and the X-Request-Id of every try.

    Everything that it causes carries it.
    """
    operation: Operation
    merchant: str
    path: str
    body: dict[str, Any] | None
    phase: str
    due_at: float
    """When it was due; latencies count from here."""
    sent_at: float


class Attempt(msgspec.Struct, frozen=True, tag="answer", tag_field="record"):
    """How one try of a request ended."""

    key: str
    attempt: int
    at: float
    status: int
    """HTTP status; `NO_ANSWER` where none came."""
    body: str
    """As received; without an answer, the reason."""
    resolving: bool = False
    """Sent after the load, to find out an unknown outcome."""

    @property
    def outcome(self) -> Outcome:
        """What the client may conclude from it."""
        if self.status in {200, 201}:
            return Outcome.ACKNOWLEDGED
        # A balancer's own 4xx, and an error that says "retry with the same key", decide nothing.
        if self.status in {400, 402, 404, 409, 422} and self.problem.get("retry") in _DECIDED:
            return Outcome.REFUSED
        return Outcome.UNKNOWN

    @property
    def problem(self) -> dict[str, Any]:
        """The problem details of a refusal; empty where the body is something else."""
        try:
            body = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return {}
        return body if isinstance(body, dict) else {}


_DECIDED = frozenset({"never", "new_key"})


class PhaseMark(msgspec.Struct, frozen=True, tag="phase", tag_field="record"):
    name: str
    began_at: float
    ended_at: float


class FaultMark(msgspec.Struct, frozen=True, tag="fault", tag_field="record"):
    """A fault that was injected."""

    number: int
    kind: str
    detail: str
    phase: str
    began_at: float
    healed_at: float

    @property
    def had_effect(self) -> bool:
        """Whether it hit anything; a fault that waits for a statement may wait in vain."""
        return not self.detail.endswith(" x 0")


class Authorization(msgspec.Struct, frozen=True):
    """The acquirer's record of one card payment; amounts in minor units."""

    reference: str
    """The payment's id."""
    merchant: str
    status: str
    amount: int
    captured: int
    refunded: int
    voided: int
    """What will not be captured any more."""

    @property
    def held(self) -> int:
        """What may still be captured of it."""
        if self.status != "approved":
            return 0
        return self.amount - self.captured - self.voided


class AcquirerBooks(msgspec.Struct, frozen=True, tag="acquirer", tag_field="record"):
    """The acquirer's books, read when nothing was under way any more: the last record."""

    authorizations: list[Authorization]


Record: TypeAlias = Run | Request | Attempt | PhaseMark | FaultMark | AcquirerBooks


class Wrong(StrEnum):
    """What can be wrong, by its stable name."""

    LOST = "lost"
    """Acknowledged, and not in the database."""
    DOUBLED = "doubled"
    """One key acted more than once."""
    CONTENT = "wrong_content"
    """Acknowledged as one thing, and another is in the database."""
    REFUSED_BUT_PRESENT = "refused_but_present"
    """Refused, and done all the same."""
    ANSWER_CHANGED = "answer_changed"
    """Two tries of one key got different answers."""
    UNASKED = "unasked"
    """Money moved without a request."""
    BALANCE = "wrong_balance"
    """Replayed one after the other, the entries give another balance."""
    ORDER = "wrong_order"
    """Versions contradict each other, or the times at which clients got their answers."""
    STALE = "stale_decision"
    """Decided, or read, from a state that had passed."""
    UNFINISHED = "unfinished"
    """Still open when everything had time to end."""
    DISAGREES = "disagrees"
    """The acquirer's books differ from Suya's."""
    NOT_HEALED = "not_healed"
    """A fault did not heal within its limit; what followed was measured while it lasted."""


class Anomaly(msgspec.Struct, frozen=True):
    """Something that is wrong."""

    wrong: Wrong
    object: str
    """The key of a request, or the id of an account or a payment."""
    detail: str


class FinalTransfer(msgspec.Struct, frozen=True):
    """A transfer as the database has it."""

    merchant: str
    id: str
    correlation_id: str
    payment: str | None
    purpose: str = ""
    """Its purpose in the ledger, which tells the transfers of one card payment apart."""


class FinalEntry(msgspec.Struct, frozen=True):
    """An entry as the database has it, with its account's sums after it; amounts in minor units."""

    account: str
    version: int
    transfer: str
    direction: str
    posted: int
    pending: int
    sums: tuple[int, int, int, int]
    """Posted debits, posted credits, pending debits, pending credits."""


class FinalAccount(msgspec.Struct, frozen=True):
    """An account as the database has it."""

    merchant: str
    id: str
    kind: str
    version: int
    sums: tuple[int, int, int, int]


class FinalPayment(msgspec.Struct, frozen=True):
    """A payment as the database has it."""

    id: str
    correlation_id: str
    """The id of the request that made it."""
    account: str
    amount: int
    captured: int
    refunded: int
    fee: int
    status: str
    method: str = "wallet"


class FinalRefund(msgspec.Struct, frozen=True):
    """A refund as the database has it."""

    id: str
    correlation_id: str
    payment: str
    amount: int
    status: str = "succeeded"


class FinalFlow(msgspec.Struct, frozen=True):
    """A flow that has not ended."""

    key: str
    """The id of the request that began it."""
    name: str
    status: str
    attempts: int
    note: str | None


class Kept(msgspec.Struct, frozen=True):
    """The answer that the database keeps under a key."""

    key: str
    status: int
    body: str


class Books(msgspec.Struct, frozen=True):
    """Everything that the database has of a run's merchants."""

    accounts: list[FinalAccount]
    transfers: list[FinalTransfer]
    entries: list[FinalEntry]
    payments: list[FinalPayment]
    refunds: list[FinalRefund]
    kept: dict[tuple[str, str], Kept]
    """By merchant and key."""
    flows: list[FinalFlow] = []
    """Those that have not ended."""
