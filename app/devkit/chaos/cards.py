"""Whether Suya's books and the acquirer's agree about every card payment. Pure.

Both were read when nothing was under way any more, so nothing may be undecided.
"""

from collections.abc import Iterator

from app.devkit.chaos.history import History
from app.devkit.chaos.model import Anomaly, Authorization, Books, FinalPayment, Wrong

_UNDECIDED = frozenset({"processing", "requires_action"})
_HOLDING = frozenset({"authorized", "partially_captured"})


def check(history: History, books: Books) -> Iterator[Anomaly]:
    """Report what is not final, what is open, and where the two sides differ."""
    for flow in books.flows:
        tried = f"{flow.attempts} attempts, {flow.note or 'no word'}"
        yield Anomaly(Wrong.UNFINISHED, flow.key, f"{flow.name} is {flow.status}: {tried}")
    ours = {payment.id: payment for payment in books.payments if payment.method == "card"}
    for payment in ours.values():
        if payment.status in _UNDECIDED:
            yield Anomaly(Wrong.UNFINISHED, payment.id, f"the payment is {payment.status}")
    for refund in books.refunds:
        if refund.status == "pending":
            yield Anomaly(Wrong.UNFINISHED, refund.id, "the refund is pending")
    if history.acquirer is None:
        return
    theirs = {one.reference: one for one in history.acquirer.authorizations}
    for payment in ours.values():
        yield from _compare(payment, theirs.get(payment.id))
    for reference, there in theirs.items():
        if reference not in ours and _amounts_there(there) != (0, 0, 0):
            yield Anomaly(Wrong.DISAGREES, reference, f"is there {there}, and not here")


def _compare(payment: FinalPayment, there: Authorization | None) -> Iterator[Anomaly]:
    here, other = _amounts_here(payment), _amounts_there(there)
    if here != other:
        yield Anomaly(
            Wrong.DISAGREES,
            payment.id,
            f"{payment.status} here, held, captured and refunded: {here}; "
            f"{there.status if there else 'unknown'} there: {other}",
        )


def _amounts_here(payment: FinalPayment) -> tuple[int, int, int]:
    held = payment.amount - payment.captured if payment.status in _HOLDING else 0
    return held, payment.captured, payment.refunded


def _amounts_there(there: Authorization | None) -> tuple[int, int, int]:
    if there is None:
        return 0, 0, 0
    # What the acquirer reversed was captured and given back there; here it never happened.
    if there.status == "voided":
        return 0, 0, there.refunded - there.captured
    return there.held, there.captured, there.refunded
