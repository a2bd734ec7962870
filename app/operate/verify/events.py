"""Events against the objects that they are about, merged in the order of the objects' ids."""

import heapq
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec

from app.domains.customers.store import CUSTOMERS, METHODS
from app.domains.customers.views import customer_text, method_text
from app.domains.disputes.store import DISPUTES
from app.domains.disputes.views import dispute_text
from app.domains.fx.store import QUOTES
from app.domains.fx.views import quote_text
from app.domains.ledger.store import TRANSFERS, account_row
from app.domains.ledger.views import account_view, transfer_view
from app.domains.payments.store import PAYMENTS, REFUNDS
from app.domains.payments.views import payment_text, refund_text
from app.domains.payouts.store import BANK_ACCOUNTS, PAYOUTS
from app.domains.payouts.views import bank_account_text, payout_text
from app.engine.database import Queries
from app.operate.verify import disputes, payouts
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import FIRST, Row, Stream, queries

of_customers = Queries(__package__, "customers.sql", [CUSTOMERS, METHODS])

KINDS: Final = {
    "payment": "payment",
    "refund": "refund",
    "account": "account",
    "transfer": "transfer",
    "deposit": "transfer",
    "fx_quote": "fx_quote",
    "payout": "payout",
    "bank_account": "bank_account",
    "customer": "customer",
    "payment_method": "payment_method",
    "dispute": "dispute",
}
"""Beginning of an event's type -> kind of its object. The `balance` of an account has no rows."""

State = tuple[int, str]
"""How many events an object must have, and its JSON as it is now."""


def _payment(row: Row) -> State:
    payment = PAYMENTS.struct_of(row[2:])
    return payment.version, payment_text(payment)


def _refund(row: Row) -> State:
    refund = REFUNDS.struct_of(row[2:])
    return refund.version, refund_text(refund)


def _account(row: Row) -> State:
    account = account_row(row[2:])
    count = 1 if account.account.status == "open" else 2  # it was opened, and perhaps closed
    return count, msgspec.json.encode(account_view(account)).decode()


def _transfer(row: Row) -> State:
    transfer = TRANSFERS.struct_of(row[2:])
    return 1, msgspec.json.encode(transfer_view(transfer)).decode()


def _quote(row: Row) -> State:
    quote = QUOTES.struct_of(row[2:])
    return quote.version, quote_text(quote)


def _payout(row: Row) -> State:
    payout = PAYOUTS.struct_of(row[2:])
    return payout.version, payout_text(payout)


def _bank_account(row: Row) -> State:
    account = BANK_ACCOUNTS.struct_of(row[2:])
    return account.version, bank_account_text(account)


def _customer(row: Row) -> State:
    customer = CUSTOMERS.struct_of(row[2:])
    return customer.version, customer_text(customer)


def _method(row: Row) -> State:
    method = METHODS.struct_of(row[2:])
    return method.version, method_text(method)


def _dispute(row: Row) -> State:
    dispute = DISPUTES.struct_of(row[2:])
    return dispute.version, dispute_text(dispute)


class _History:
    """The events about one object, in order."""

    def __init__(self, audit: Audit, kind: str, object_id: str) -> None:
        self.audit = audit
        self.kind = kind
        self.object_id = object_id
        self.sequence = 0
        self.data = ""

    @property
    def name(self) -> str:
        """The object's id on the wire."""
        return wire(self.kind, self.object_id)

    def take(self, row: Row) -> None:
        """Check the number of the next event."""
        _, _, sequence, event_id, event_type, self.data = row
        if sequence != self.sequence + 1:
            _gap(self.audit, self.name, self.sequence, sequence)
        if KINDS.get(event_type.partition(".")[0]) != self.kind:
            what = f"it is a {event_type} about {self.name}"
            self.audit.add(Check.EVENT_OBJECT, wire("event", event_id), what)
        self.sequence = sequence

    def close(self, state: Callable[[Row], State], row: Row) -> None:
        """Check the last event against the object."""
        try:
            count, text = state(row)
        except (ValueError, msgspec.MsgspecError) as error:
            self.audit.add(Check.EVENT_DATA, self.name, f"it cannot be read: {error}")
            return
        if self.sequence == 0:
            self.audit.add(Check.EVENT_SEQUENCE, self.name, "it has no event")
        elif self.sequence != count:
            what = f"it has {self.sequence} events, and had {count} changes"
            self.audit.add(Check.EVENT_SEQUENCE, self.name, what)
        elif self.data != text and (what := _differences(self.data, text)):
            self.audit.add(Check.EVENT_DATA, self.name, what)


def _gap(audit: Audit, name: str, before: int, sequence: int) -> None:
    what = (
        f"event {sequence} follows event {before}" if before else f"event {sequence} is its first"
    )
    audit.add(Check.EVENT_SEQUENCE, name, what)


def _differences(said: str, now: str) -> str:
    """How the last event differs from the object; none where only the order of names does."""
    try:
        old: Any = msgspec.json.decode(said)
    except msgspec.DecodeError:
        return "the data of its last event is no JSON"
    new = msgspec.json.decode(now)
    if not isinstance(old, dict):
        return "the data of its last event is no object"
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    parts = [f"{name} {old.get(name)!r}, and it has {new.get(name)!r}" for name in names]
    return f"its last event says {'; '.join(parts)}" if parts else ""


class _Strangers:
    """Events about objects that no table here has."""

    def __init__(self, audit: Audit, progress: Callable[[int], None]) -> None:
        self.audit = audit
        self.progress = progress
        self.key: tuple[str, str] = (FIRST, FIRST)
        self.sequence = 0

    def take(self, row: Row) -> None:
        """Report the event; of a kind that is unknown here, check its number."""
        self.progress(1)
        _, object_id, sequence, event_id, event_type, _ = row
        kind = KINDS.get(event_type.partition(".")[0])
        if kind is not None:
            what = f"it is about {wire(kind, object_id)}, which does not exist"
            self.audit.add(Check.EVENT_OBJECT, wire("event", event_id), what)
            return
        self.sequence = self.sequence if self.key == row[:2] else 0
        if sequence != self.sequence + 1:
            _gap(self.audit, wire("event", event_id), self.sequence, sequence)
        self.key, self.sequence = row[:2], sequence


async def _merged(streams: list[Stream]) -> AsyncIterator[tuple[int, Row]]:
    """The rows of all streams in the order of their first two columns, each with its stream."""
    heads = [(row[:2], at, row) for at, s in enumerate(streams) if (row := await s.head())]
    heapq.heapify(heads)
    while heads:
        _, at, row = heads[0]
        yield at, row
        streams[at].skip()
        following = await streams[at].head()
        if following is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (following[:2], at, following))


async def check(audit: Audit) -> None:
    """Walk all objects that have events, each with them."""
    kinds = (
        ("payment", _payment, queries.list_payment_states),
        ("refund", _refund, queries.list_refund_states),
        ("account", _account, queries.list_wallet_states),
        ("transfer", _transfer, queries.list_transfer_states),
        ("fx_quote", _quote, queries.list_quote_states),
        ("payout", _payout, payouts.queries.list_payout_states),
        ("bank_account", _bank_account, payouts.queries.list_bank_account_states),
        ("customer", _customer, of_customers.list_customer_states),
        ("payment_method", _method, of_customers.list_method_states),
        ("dispute", _dispute, disputes.queries.list_dispute_states),
    )
    streams = [
        audit.stream(query, after_merchant_id=FIRST, after_id=FIRST) for _, _, query in kinds
    ]
    events = audit.stream(
        queries.list_events,
        audit.doubled(lambda row: wire("event", row[3]), "it, or another one in its place,"),
        after_merchant_id=FIRST,
        after_object_id=FIRST,
        after_sequence=0,
    )
    progress = await audit.progress("events", queries.count_events)
    strangers = _Strangers(audit, progress)
    async for at, row in _merged(streams):
        kind, state, _ = kinds[at]
        history = _History(audit, kind, row[1])
        await events.up_to(row[:2], below=strangers.take, at=history.take)
        history.close(state, row)
        progress(max(1, history.sequence))
    await events.rest(strangers.take)
