"""A batch of steps on existing payouts: what it has loaded, what it has decided so far."""

from collections.abc import Collection
from uuid import UUID

from app.base.errors import PlatformError
from app.domains import ledger
from app.domains.ledger import Book
from app.domains.ledger.model import STRIPES
from app.domains.payouts import decisions, store
from app.domains.payouts.model import Payout, PayoutChange
from app.domains.payouts.views import payout_text
from app.engine import events
from app.engine.database import Moving, Tx
from app.engine.events import Fact
from app.engine.saga import Flow, lock_flows, update_flows

_FACTS = {
    PayoutChange.TRANSIT: "in_transit",
    PayoutChange.PAY: "paid",
    PayoutChange.FAIL: "failed",
    PayoutChange.CANCEL: "canceled",
    PayoutChange.RETURN: "returned",
}
"""What a payout's event is called."""


class PayoutBatch:
    """Payouts, their flows and their accounts, all locked; and what has become of them."""

    def __init__(
        self, tx: Tx, region: str, flows: dict[UUID, Flow], payouts: dict[UUID, Payout], book: Book
    ) -> None:
        self.region = region
        self.flows = flows
        """By the payout's id, which is the flow's."""
        self.payouts = payouts
        self.book = book
        self._stripe = stripe_of(tx)
        self._changed: dict[UUID, Payout] = {}
        self._moved: dict[UUID, Flow] = {}
        self._facts: list[Fact] = []

    @classmethod
    async def load(
        cls, tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
    ) -> "PayoutBatch":
        """Lock flows, payouts and accounts, in this order."""
        flows = await lock_flows(tx, region, moving, keys)
        payouts = await store.lock_payouts(tx, region, moving, keys)
        stripe = stripe_of(tx)
        charts = {a for p in payouts.values() for a in decisions.accounts_of(p, region, stripe)}
        book = await ledger.open_book(tx, region, (), charts, moving)
        return cls(tx, region, flows, {p.id: p for p in payouts.values()}, book)

    def settle(
        self, payout: Payout, step: PayoutChange, code: str | None, correlation_id: str
    ) -> PlatformError | None:
        """Do to a payout and its money what a bank's word, or a cancellation, says."""
        if step is PayoutChange.NOTHING:
            return None
        refused = decisions.settle(
            self.book, payout, step, code,
            region=self.region, stripe=self._stripe, correlation_id=correlation_id,
        )  # fmt: skip
        if refused is None:
            self._changed[payout.id] = payout
            self._facts.append(payout_fact(payout, _FACTS[step], correlation_id))
        return refused

    def move(self, flow: Flow) -> None:
        """Note that a flow has come further."""
        self._moved[flow.id] = flow

    def write(self, tx: Tx) -> None:
        """Write what was decided; nothing is decided here any more."""
        ledger.write_book(tx, self.region, self.book)
        store.update_payouts(tx, self.region, list(self._changed.values()))
        update_flows(tx, self.region, list(self._moved.values()))
        events.append(tx, self.region, self._facts)


def stripe_of(tx: Tx) -> int:
    """Which stripe of the hot platform accounts this writer uses."""
    return tx.writer.stripe % STRIPES


def payout_fact(payout: Payout, what: str, correlation_id: str) -> Fact:
    """The event about a payout's change."""
    return Fact(
        merchant_id=payout.merchant_id,
        type=f"payout.{what}",
        object_id=payout.id,
        sequence=payout.version,
        data=payout_text(payout),
        correlation_id=correlation_id,
        created_at=payout.updated_at,
    )
