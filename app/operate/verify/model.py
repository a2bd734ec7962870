"""The checks by name, a finding, and a bounded collection of findings."""

from collections import Counter
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from app.base import ids

FINDINGS_MAX: Final = 1_000  # per check: nobody reads more, and memory stays bounded


class Check(StrEnum):
    """A promise about the books, by its stable name."""

    TRANSFER_BALANCE = "transfer_balance"
    """Each transfer's entries sum to zero, posted and pending, in each currency."""
    TRANSFER_ENTRIES = "transfer_entries"
    """Each line of a transfer has exactly its entry, and each entry is named by its transfer."""
    MODES_APART = "modes_apart"
    """Test merchants book on the platform's accounts for test money, all others on the others."""
    ACCOUNT_VERSIONS = "account_versions"
    """An account's entries are numbered 1, 2, 3 ... in the order of their instants."""
    ACCOUNT_SUMS = "account_sums"
    """The sums after an entry are those before it plus its change; the account has the last."""
    ACCOUNT_FLOOR = "account_floor"
    """No account was ever below its floor, and nothing held was ever negative."""
    MONEY_CONSERVED = "money_conserved"
    """Over all accounts of a currency, debits equal credits, posted and pending."""
    HOLD_AMOUNTS = "hold_amounts"
    """A hold says what its transfers held, posted and released, and belongs to its payment."""
    HOLD_ENDS_ONCE = "hold_ends_once"
    """A hold ends at most once: posted, voided or expired."""
    HOLD_IN_TIME = "hold_in_time"
    """No wallet was captured from after its hold had expired."""
    HELD_IS_PENDING = "held_is_pending"
    """What open holds still hold on an account is what the account has pending."""
    PAYMENT_AMOUNTS = "payment_amounts"
    """A payment's captured, refunded and fee amounts are what its transfers moved."""
    PAYMENT_STATUS = "payment_status"
    """A payment's status agrees with its amounts and with its hold."""
    PAYMENT_REFUNDS = "payment_refunds"
    """A payment's refunds sum to its refunded amount, which is never above the captured one."""
    PAYMENT_DISPUTED = "payment_disputed"
    """A payment says that it is disputed if a dispute of it is not won; none is about too much."""
    DISPUTE_TRANSFERS = "dispute_transfers"
    """A dispute's transfers are those that its state needs, with its amounts."""
    DISPUTES_HELD = "disputes_held"
    """What open disputes are about is what is held for them."""
    DISPUTE_EVIDENCE = "dispute_evidence"
    """Each piece of evidence is of a dispute that counts it."""
    PAYMENT_TRANSFERS = "payment_transfers"
    """Each transfer for a payment is for one that exists, and of a kind that payments have."""
    FX_QUOTE = "fx_quote"
    """A quote's amounts follow from its rate, and what used it moved exactly these."""
    PAYOUT_TRANSFERS = "payout_transfers"
    """A payout was paid, and came back, as its status says, by the transfers that it names."""
    PAYOUTS_IN_TRANSIT = "payouts_in_transit"
    """What a merchant's accounts hold for banks is the sum of its payouts on their way."""
    PAYMENT_OPERATION = "payment_operation"
    """A payment names the open flow that is under way on it, and each such flow is named."""
    HELD_HAS_FLOW = "held_has_flow"
    """What is held until a processor has spoken has an open flow; nothing else is without end."""
    PENDING_HAS_FLOW = "pending_has_flow"
    """Each pending refund, payout that a bank will have, and open dispute has an open flow."""
    DISPUTE_BOOKED = "dispute_booked"
    """No dispute of a payment was given up before it was booked."""
    PAYOUT_ENDED = "payout_ended"
    """No payout that failed or was canceled here was paid by its bank all the same."""
    PROVISIONAL_ANSWER = "provisional_answer"
    """Each kept answer that is provisional has an open flow that will replace it."""
    EVENT_SEQUENCE = "event_sequence"
    """The events about an object are numbered 1, 2, 3 ... and are as many as it had changes."""
    EVENT_OBJECT = "event_object"
    """Each event is about an object that exists."""
    EVENT_DATA = "event_data"
    """The last event about an object says what the object says now."""
    JOURNAL_CHAIN = "journal_chain"
    """A writer's blocks are numbered 1, 2, 3 ... and each carries the hash of the one before."""
    JOURNAL_BLOCK = "journal_block"
    """A block's hash and Merkle root are those of what it lists."""
    JOURNAL_TRANSFERS = "journal_transfers"
    """Each transfer is listed by exactly the block it names."""
    IDEMPOTENCY_ANSWER = "idempotency_answer"
    """Each kept answer of a success names an object that exists."""
    ONE_REGION = "one_region"
    """Each row is in one region: its merchant's home, or the one from which the merchant moves."""


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong."""

    check: Check
    object: str
    """The object's id on the wire; a journal block is `<writer>/<sequence>`."""
    detail: str
    """What differs from what, in a sentence."""


class AuditReport(msgspec.Struct, frozen=True):
    """The findings, and what else the run saw."""

    findings: list[Finding]
    parked: int
    """Flows that wait for people. What they hold is held, so none of them is a finding."""


class Findings:
    """At most `FINDINGS_MAX` findings of each check, and the number of further ones."""

    def __init__(self) -> None:
        self._found: dict[Check, list[Finding]] = {}
        self._more: Counter[Check] = Counter()

    def add(self, check: Check, name: str, detail: str) -> None:
        found = self._found.setdefault(check, [])
        if len(found) < FINDINGS_MAX:
            found.append(Finding(check, name, detail))
        else:
            self._more[check] += 1

    def unexplored(self, check: Check, count: int) -> None:
        """Count at least `count` more findings that are not named."""
        self._more[check] += count

    def all(self) -> list[Finding]:
        """All findings, by check; a check that was cut off says so last."""
        every: list[Finding] = []
        for check in Check:
            every += self._found.get(check, [])
            if self._more[check]:
                more = f"at least {self._more[check]} more of this kind are not shown"
                every.append(Finding(check, "", more))
        return every


def wire(kind: str, text: str) -> str:
    """The wire form of an id that was read as text."""
    return ids.encode(kind, UUID(text))


def hold_wire(text: str) -> str:
    """The name of a hold: its pending transfer."""
    return wire("transfer", text)
