"""Disputes: what was booked for them, what is held for them, and their evidence."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec

from app.domains.disputes.decisions import fee_transfer_of
from app.domains.disputes.model import FINAL, TakenBack
from app.domains.disputes.store import DISPUTES
from app.domains.ledger.model import EntryLine
from app.engine.database import Queries
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import FIRST, Row, Stream

queries = Queries(__package__, "disputes.sql", [DISPUTES])

PURPOSES: Final = frozenset({"dispute", "dispute_fee", "dispute_won", "dispute_lost"})
"""Purposes of the transfers that disputes make for their payments."""

_taken_back = msgspec.json.Decoder(TakenBack)


class DisputeRow(msgspec.Struct, frozen=True):
    """A dispute's own statement about itself; amounts in minor units."""

    merchant_id: str
    payment_id: str
    id: str
    status: str
    currency: str
    amount_minor: int
    fee_minor: int
    fee_returned_minor: int
    opening_transfer_id: str
    closing_transfer_id: str | None
    exchanged: str | None
    inquiry: bool

    @property
    def contests(self) -> bool:
        """Whether its payment is disputed by it, if it is not won: a bank does more than ask."""
        return self.status in FINAL or not self.inquiry

    @property
    def merchants(self) -> tuple[int, int, int]:
        """What the merchant gave for the amount and as a fee, and what of the fee it got back.

        All in the currency that the merchant gets.
        """
        if self.exchanged is None:
            return self.amount_minor, self.fee_minor, self.fee_returned_minor
        taken = _taken_back.decode(self.exchanged)
        # The fee is returned as a whole, or not at all.
        returned = taken.fee_minor * self.fee_returned_minor // max(1, self.fee_minor)
        return taken.target_minor, taken.fee_minor, returned

    @property
    def given_again_minor(self) -> int:
        """What the merchant gets for the amount when it wins, in its own currency."""
        if self.exchanged is None:
            return self.amount_minor
        return _taken_back.decode(self.exchanged).returned_minor


class Booked(msgspec.Struct):
    """The disputes of one payment, and what their transfers moved."""

    disputes: list[DisputeRow] = msgspec.field(default_factory=list)
    transfers: dict[str, tuple[str, int, int]] = msgspec.field(default_factory=dict)
    """Transfer -> (purpose, the merchant's debits, its credits)."""

    def add(self, transfer_id: str, purpose: str, lines: list[EntryLine], merchant_id: str) -> None:
        """Count a transfer."""
        own = [line for line in lines if line.merchant_id == merchant_id.replace("-", "")]
        debits = sum(line.posted_minor for line in own if line.direction == "debit")
        credits_ = sum(line.posted_minor for line in own if line.direction == "credit")
        self.transfers[transfer_id] = (purpose, debits, credits_)

    def _take_fees(self, dispute: DisputeRow, left: dict[str, tuple[str, int, int]]) -> int:
        """Return by how much the fee was raised later.

        The transfers that did so are taken from `left`.

        Each is named by the dispute's total cost after it, so it can belong to no other dispute.
        """
        opening = left.get(dispute.opening_transfer_id)
        if opening is None:
            return 0
        opened = fee = opening[1] - dispute.merchants[0]
        is_found = True
        while is_found:
            is_found = False
            for transfer_id, (purpose, debits, credits_) in left.items():
                is_next = transfer_id == str(fee_transfer_of(UUID(dispute.id), fee + debits))
                if is_next and purpose == "dispute_fee" and not credits_:
                    del left[transfer_id]
                    fee, is_found = fee + debits, True
                    break
        return fee - opened

    def judge(
        self, currency: str, *, disputed: bool, amount_minor: int, captured_minor: int
    ) -> Iterator[tuple[Check, str, str]]:
        """Judge the disputes of a payment; yields the check, the object, and the sentence.

        Args:
            disputed: what the payment says.
            amount_minor: what the payment is about.
            captured_minor: what of it was captured. Refunds are not counted: one may have come
                during an inquiry, or before a dispute that was decided when it was told.
        """
        open_transfers = dict(self.transfers)
        for dispute in self.disputes:
            name = wire("dispute", dispute.id)
            if dispute.currency != currency:
                what = f"it is in {dispute.currency}, and its payment in {currency}"
                yield Check.DISPUTE_TRANSFERS, name, what
            raised = self._take_fees(dispute, open_transfers)
            for transfer_id, due in _due(dispute, raised):
                found = open_transfers.pop(transfer_id, None)
                if found != due:
                    transfer = wire("transfer", transfer_id)
                    what = f"{transfer} is {_moves(found)}, and should be {_moves(due)}"
                    yield Check.DISPUTE_TRANSFERS, name, what
        for transfer_id in open_transfers:
            what = "no dispute of its payment names it"
            yield Check.DISPUTE_TRANSFERS, wire("transfer", transfer_id), what
        not_won = [dispute for dispute in self.disputes if dispute.status != "won"]
        contested = [dispute for dispute in not_won if dispute.contests]
        held = sum(dispute.amount_minor for dispute in not_won if dispute.status not in FINAL)
        largest = max((dispute.amount_minor for dispute in self.disputes), default=0)
        if held > captured_minor:
            what = f"its open disputes are about {held}, and {captured_minor} of it are captured"
            yield Check.PAYMENT_DISPUTED, "", what
        if largest > amount_minor:
            what = f"a dispute of it is about {largest}, and it is about {amount_minor}"
            yield Check.PAYMENT_DISPUTED, "", what
        # A payment that was told of an inquiry by an earlier version says that it is disputed until
        # there is news.
        if not (bool(contested) <= disputed <= bool(not_won)):
            said = "disputed" if disputed else "not disputed"
            what = f"it says it is {said}, and {len(contested)} disputes of it are open or lost"
            yield Check.PAYMENT_DISPUTED, "", what


def _due(dispute: DisputeRow, raised: int) -> Iterator[tuple[str, tuple[str, int, int]]]:
    """The transfers that a dispute must have made, without those that raised its fee."""
    amount, (merchants, fee, returned) = dispute.amount_minor, dispute.merchants
    yield dispute.opening_transfer_id, ("dispute", merchants + fee - raised, amount)
    if dispute.closing_transfer_id is not None:
        got = dispute.given_again_minor + returned if dispute.status == "won" else amount
        yield dispute.closing_transfer_id, (f"dispute_{dispute.status}", amount, got)


def _moves(moved: tuple[str, int, int] | None) -> str:
    if moved is None:
        return "missing"
    purpose, debits, credits_ = moved
    return f"a '{purpose}' that takes {debits} from the merchant's accounts and gives {credits_}"


def payment_disputes(audit: Audit, **behind: Any) -> Stream:
    """All disputes in the order of their payments."""
    again = audit.doubled(lambda row: wire("dispute", row[2]), "it")
    return audit.stream(queries.list_payment_disputes, again, **behind)


async def check(audit: Audit) -> None:
    """Walk all disputes, merchant by merchant, with their evidence and the accounts that hold."""
    first = {"after_merchant_id": FIRST, "after_id": FIRST}
    disputes = audit.stream(queries.list_disputed, None, **first)
    accounts = audit.stream(queries.list_held, None, **first)
    evidence = audit.stream(
        queries.list_evidence,
        audit.doubled(lambda row: wire("dispute_evidence", row[2]), "it"),
        after_merchant_id=FIRST,
        after_dispute_id=FIRST,
        after_id=FIRST,
    )

    def lone(row: Row) -> None:
        what = f"it is for {wire('dispute', row[1])}, which does not exist"
        audit.add(Check.DISPUTE_EVIDENCE, wire("dispute_evidence", row[2]), what)

    while (merchant_id := await _next_merchant(disputes, accounts)) is not None:
        held: Counter[str] = Counter()
        while (row := await _next_of(disputes, merchant_id)) is not None:
            _, dispute_id, count, size, currency, amount = row
            pieces: list[Row] = []
            await evidence.up_to(row[:2], below=lone, at=pieces.append)
            if (count, size) != (len(pieces), sum(piece[3] for piece in pieces)):
                what = f"it says {count} pieces of {size} bytes, and has {len(pieces)}"
                audit.add(Check.DISPUTE_EVIDENCE, wire("dispute", dispute_id), what)
            held[currency] += amount
        while (row := await _next_of(accounts, merchant_id)) is not None:
            _, account_id, currency, amount = row
            _compare(audit, wire("account", account_id), amount, held.pop(currency, 0))
        for currency, amount in held.items():
            _compare(audit, f"{wire('merchant', merchant_id)}/{currency}", 0, amount)
    await evidence.rest(lone)


async def _next_merchant(*streams: Stream) -> str | None:
    heads = [row[0] for stream in streams if (row := await stream.head()) is not None]
    return min(heads, default=None)


async def _next_of(stream: Stream, merchant_id: str) -> Row | None:
    row = await stream.head()
    if row is None or row[0] != merchant_id:
        return None
    stream.skip()
    return row


def _compare(audit: Audit, name: str, held: int, disputed: int) -> None:
    if held != disputed:
        what = f"{held} is held there, and open disputes are about {disputed}"
        audit.add(Check.DISPUTES_HELD, name, what)
