"""The clerk: applies one request after the other to wallets and payments. Pure.

`wallet_model` decides the state of a payment; this module knows what the state moves between
accounts.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from app.devkit.chaos.model import Attempt, FinalAccount, FinalTransfer, Operation, Request, Shop
from app.devkit.wallet_model import Fees, ModelPayment, Refused

Moved: TypeAlias = dict[str, tuple[str, int, int]]
"""Account -> direction, posted and pending change, in minor units."""


class Impossible(Exception):
    """What was done was not possible in the state before it; the message says why."""


class PaymentState(ModelPayment, frozen=True, kw_only=True):
    """A payment after some event, and whose money it is.

    The status of a card's payment may also be `held`, `asked` and `undone`, which are states of its
    ledger.
    """

    wallet: str
    """Where the money comes from: a wallet, or the acquirer's debt to the merchant."""
    till: str
    """Where captured money goes."""


_MAY_BE = {
    "asked": {"processing"},
    "held": {"processing", "authorized"},
    "undone": {"declined", "failed", "canceled"},
}
"""Statuses that an answer may have while the ledger is in a state.

An approval without a capture moves nothing, and the reason why a hold was released is in the
answer, not in the ledger.
"""

State: TypeAlias = PaymentState | int
"""The state of a payment, or the amount that is available in a wallet."""


class Clerk:
    """Wallets, payments, and all states that they were in."""

    def __init__(self, shops: Sequence[Shop], accounts: Sequence[FinalAccount]) -> None:
        self._shops = {shop.merchant: shop for shop in shops}
        self._accounts = {(a.merchant, a.kind): a.id for a in accounts}
        self.available: dict[str, int] = {}
        self.payments: dict[str, PaymentState] = {}
        self.events: dict[str, list[tuple[str, State]]] = {
            a.id: [("", 0)] for a in accounts if a.kind == "customer_wallet"
        }
        """Wallet or payment -> (key, state after it), in order; a wallet begins empty."""

    def do(self, request: Request, transfer: FinalTransfer) -> Moved:
        """Apply a request; returns what it moves between the accounts of its merchant.

        Raises:
            Impossible: the state does not allow it.
        """
        body = request.body or {}
        match request.operation:
            case Operation.DEPOSIT:
                return self._deposit(request, body["account"], body["amount"])
            case Operation.PAYMENT | Operation.AUTHORIZATION:
                if is_card(request):
                    return self._by_card(request, body, transfer)
                return self._open(request, body, transfer.payment or "")
            case Operation.CAPTURE:
                return self._capture(request, transfer.payment or "", body)
            case Operation.CANCEL:
                return self._cancel(request, transfer.payment or "")
            case Operation.REFUND if transfer.purpose == "refund_failure":
                return self._refund_back(request, body["payment"], body["amount"])
            case Operation.REFUND:
                return self._refund(request, body["payment"], body["amount"])
            case Operation.TRANSFER:
                return self._transfer(request, body)
            case Operation.READ:
                raise Impossible("a read moves nothing")

    def differs_from(self, request: Request, transfer: FinalTransfer, text: str) -> str:
        """How an acknowledgement differs from the payment right after it; empty if it does not."""
        told: dict[str, Any] = msgspec.json.decode(text)
        if told.get("object") != "payment":
            return ""
        if transfer.payment != told["id"] and is_card(request):
            return ""  # of an earlier attempt, which had no result and freed its key
        if transfer.purpose == "authorization" and told["status"] == "canceled":
            # Canceled before the acquirer had answered; another transfer releases the hold.
            return ""
        payment = self.payments.get(told["id"])
        if payment is None:
            return f"{told['id']} was answered, and does not exist"
        if payment.status == "asked":
            return ""  # the hold of a payment whose capture comes with another transfer
        said, found = _told(told), _state(payment)
        if agree(said, payment):
            return ""
        return f"{request.operation}: answered {said}, replayed {found}"

    def subject_of(self, request: Request) -> str:
        """The wallet or payment whose state decided a request."""
        body = request.body or {}
        if request.operation in {Operation.PAYMENT, Operation.AUTHORIZATION}:
            return str(body["payment_method"]["account"])
        if request.operation is Operation.TRANSFER:
            return next(str(e["account"]) for e in body["entries"] if e["direction"] == "debit")
        if request.operation is Operation.REFUND:
            return str(body["payment"])
        if request.operation is Operation.DEPOSIT:
            return str(body["account"])
        return request.path.split("/")[3]

    def explains(self, request: Request, answer: Attempt, state: State) -> bool:
        """Whether a refusal or a read was right in that state."""
        body = request.body or {}
        if request.operation is Operation.READ:
            told = msgspec.json.decode(answer.body)
            return isinstance(state, PaymentState) and agree(_told(told), state)
        code = answer.problem.get("code")
        if isinstance(state, int):
            asked = body["amount"] if "amount" in body else body["entries"][0]["amount"]
            return code == "insufficient_funds" and state < int(asked)
        return code == self._refusal(request, state)

    def _refusal(self, request: Request, state: PaymentState) -> str:
        """The code with which the model refuses a request in that state; empty if it does not."""
        body = request.body or {}
        try:
            match request.operation:
                case Operation.CAPTURE:
                    final = body.get("final", False)
                    state.capture(body.get("amount"), self._fees(request), final=final)
                case Operation.CANCEL:
                    state.cancel()
                case Operation.REFUND:
                    state.refund(body.get("amount"))
        except Refused as refused:
            return refused.code
        return ""

    def _deposit(self, request: Request, wallet: str, amount: int) -> Moved:
        self._give(request, wallet, amount)
        return {wallet: ("credit", amount, 0)}

    def _open(self, request: Request, body: Mapping[str, Any], payment_id: str) -> Moved:
        wallet, amount = body["payment_method"]["account"], body["amount"]
        till = self._account(request, "merchant_available")
        self._give(request, wallet, -amount)
        state = PaymentState(
            wallet=wallet, till=till, amount=amount, left=amount, status="authorized"
        )
        if request.operation is Operation.AUTHORIZATION:
            self._remember(request, payment_id, state)
            return {wallet: ("debit", 0, amount), till: ("credit", 0, amount)}
        state = state.capture(None, self._fees(request), final=True)
        self._remember(request, payment_id, state)
        earned = amount - state.fee
        return _without_nothing({wallet: ("debit", amount, 0), till: ("credit", earned, 0)})

    def _by_card(self, request: Request, body: Mapping[str, Any], transfer: FinalTransfer) -> Moved:
        """Apply a card payment's own transfer: its hold, or the capture or release of it all."""
        payment_id, amount = transfer.payment or "", body["amount"]
        if transfer.purpose == "authorization":
            owed, till = (
                self._account(request, kind)
                for kind in ("processor_receivable", "merchant_pending")
            )
            status = "held" if request.operation is Operation.AUTHORIZATION else "asked"
            state = PaymentState(wallet=owed, till=till, amount=amount, left=amount, status=status)
            self._remember(request, payment_id, state)
            return {owed: ("debit", 0, amount), till: ("credit", 0, amount)}
        before = self._payment(payment_id)
        if transfer.purpose == "capture" and before.status == "asked":
            held = msgspec.structs.replace(before, status="held")
            self.payments[payment_id] = held
            return self._capture(request, payment_id, {"amount": amount, "final": True})
        if transfer.purpose == "cancellation" and before.status in {"asked", "held"}:
            return self._release(request, payment_id, "undone")
        raise Impossible(f"the payment was {before}, and {transfer.purpose} was booked")

    def _capture(self, request: Request, payment_id: str, body: Mapping[str, Any]) -> Moved:
        before = self._payment(payment_id)
        final = body.get("final", False)
        with _possible(before):
            after = before.capture(body.get("amount"), self._fees(request), final=final)
        amount, released = after.captured - before.captured, before.left - after.left
        earned = amount - (after.fee - before.fee)
        self._remember(request, payment_id, after)
        self._give(request, before.wallet, released - amount)
        return {
            before.wallet: ("debit", amount, -released),
            before.till: ("credit", earned, -released),
        }

    def _cancel(self, request: Request, payment_id: str) -> Moved:
        before = self._payment(payment_id)
        with _possible(before):
            after = before.cancel()
        return self._release(request, payment_id, after.status)

    def _release(self, request: Request, payment_id: str, status: str) -> Moved:
        before = self._payment(payment_id)
        after = msgspec.structs.replace(before, left=0, status=status)
        self._remember(request, payment_id, after)
        self._give(request, before.wallet, before.left)
        return {
            before.wallet: ("debit", 0, -before.left),
            before.till: ("credit", 0, -before.left),
        }

    def _refund(self, request: Request, payment_id: str, amount: int) -> Moved:
        before = self._payment(payment_id)
        with _possible(before):
            after = before.refund(amount)
        self._remember(request, payment_id, after)
        self._give(request, before.wallet, amount)
        return {
            self._account(request, "merchant_available"): ("debit", amount, 0),
            before.wallet: ("credit", amount, 0),
        }

    def _refund_back(self, request: Request, payment_id: str, amount: int) -> Moved:
        before = self._payment(payment_id)
        if amount > before.refunded:
            raise Impossible(f"the payment was {before}")
        after = msgspec.structs.replace(before, refunded=before.refunded - amount)
        self._remember(request, payment_id, after)
        return {
            before.wallet: ("debit", amount, 0),
            self._account(request, "merchant_available"): ("credit", amount, 0),
        }

    def _transfer(self, request: Request, body: Mapping[str, Any]) -> Moved:
        moved: Moved = {}
        for entry in body["entries"]:
            amount, direction = entry["amount"], entry["direction"]
            self._give(request, entry["account"], amount if direction == "credit" else -amount)
            moved[entry["account"]] = (direction, amount, 0)
        return moved

    def _give(self, request: Request, wallet: str, amount: int) -> None:
        if wallet == self._account(request, "processor_receivable"):
            return  # the acquirer's debt has no limit
        available = self.available.get(wallet, 0) + amount
        if available < 0 and amount < 0:
            raise Impossible(f"{wallet} had {available - amount} available, {-amount} were taken")
        self.available[wallet] = available
        self.events.setdefault(wallet, [("", 0)]).append((request.key, available))

    def _remember(self, request: Request, payment_id: str, state: PaymentState) -> None:
        self.payments[payment_id] = state
        self.events.setdefault(payment_id, []).append((request.key, state))

    def _payment(self, payment_id: str) -> PaymentState:
        payment = self.payments.get(payment_id)
        if payment is None:
            raise Impossible(f"{payment_id} did not exist")
        return payment

    def _account(self, request: Request, kind: str) -> str:
        """The merchant's own account of a kind."""
        return self._accounts.get((request.merchant, kind), "")

    def _fees(self, request: Request) -> Fees:
        shop = self._shops[request.merchant]
        return Fees(shop.fee_bps, shop.fee_fixed_minor)


@contextlib.contextmanager
def _possible(before: PaymentState) -> Iterator[None]:
    """Check that the model does not refuse what was booked."""
    try:
        yield
    except Refused:
        raise Impossible(f"the payment was {before}") from None


def is_card(request: Request) -> bool:
    """Whether a request asks for a payment by card."""
    method = (request.body or {}).get("payment_method", {})
    return bool(method.get("type") == "card")


def agree(told: tuple[Any, ...], payment: PaymentState) -> bool:
    """Whether a payment's status, captured and refunded amounts and fee agree with the replay."""
    status, *amounts = told
    known, *replayed = _state(payment)
    return amounts == replayed and status in _MAY_BE.get(payment.status, {known})


def _without_nothing(moved: Moved) -> Moved:
    """Leave out entries of nothing, as of a merchant whose fee is as large as the payment."""
    return {account: line for account, line in moved.items() if line[1] or line[2]}


def _told(view: Mapping[str, Any]) -> tuple[Any, ...]:
    return (view["status"], view["amount_captured"], view["amount_refunded"], view["fee"])


def _state(payment: PaymentState) -> tuple[Any, ...]:
    return (payment.status, payment.captured, payment.refunded, payment.fee)
