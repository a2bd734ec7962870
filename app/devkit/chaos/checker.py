"""Whether a history and a database agree. Pure, over what was recorded and what was read.

Key by key: an acknowledged request was done exactly once and as answered, a refused one was not
done, an unknown one was not done or done exactly once. Then account by account, in
`app.devkit.chaos.replay`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from app.devkit.chaos import cards, replay
from app.devkit.chaos.history import History
from app.devkit.chaos.ledger import is_card
from app.devkit.chaos.model import (
    CARD,
    Anomaly,
    Attempt,
    Books,
    FinalPayment,
    FinalRefund,
    FinalTransfer,
    Operation,
    Outcome,
    Request,
    Wrong,
)

_CAME_TO_NOTHING = frozenset({"declined", "failed"})
_MAKES_A_PAYMENT = {Operation.PAYMENT, Operation.AUTHORIZATION}


class Effects(msgspec.Struct):
    """What one request caused in the database."""

    transfers: list[FinalTransfer] = []
    payments: list[FinalPayment] = []
    refunds: list[FinalRefund] = []


def check(history: History, books: Books) -> list[Anomaly]:
    """Report everything that is wrong, the keys first; empty where all is well."""
    effects = effects_by_key(books)
    findings = list(_check_keys(history, books, effects))
    findings += _check_unasked(history, effects)
    findings += cards.check(history, books)
    findings += replay.check(history, books)
    return findings


def effects_by_key(books: Books) -> dict[str, Effects]:
    """Everything with a request's id, by that id."""
    effects: dict[str, Effects] = {}
    for transfer in books.transfers:
        effects.setdefault(transfer.correlation_id, Effects()).transfers.append(transfer)
    for payment in books.payments:
        effects.setdefault(payment.correlation_id, Effects()).payments.append(payment)
    for refund in books.refunds:
        effects.setdefault(refund.correlation_id, Effects()).refunds.append(refund)
    return effects


def lasting(done: Effects) -> Effects:
    """The effects that count: no attempts without result, and a hold with its end as one transfer.

    Where the acquirer certainly did nothing, the payment fails and the key is free for another
    attempt; the same with refunds. The hold of a declined payment was released.
    """
    vain = {payment.id for payment in done.payments if payment.status in _CAME_TO_NOTHING}
    by_card = {payment.id for payment in done.payments if payment.method == "card"} - vain
    came_back = sum(transfer.purpose == "refund_failure" for transfer in done.transfers)
    transfers = []
    for transfer in done.transfers:
        if transfer.payment in vain or transfer.purpose == "refund_failure":
            continue
        if transfer.purpose == "refund" and came_back:
            came_back -= 1
            continue
        transfers.append(transfer)
    ended = {one.payment for one in transfers if one.purpose in {"capture", "cancellation"}}
    return Effects(
        transfers=[
            one
            for one in transfers
            if one.purpose != "authorization" or one.payment not in by_card & ended
        ],
        payments=[one for one in done.payments if one.id not in vain],
        refunds=[one for one in done.refunds if one.status != "failed"],
    )


def _check_keys(
    history: History, books: Books, effects: Mapping[str, Effects]
) -> Iterator[Anomaly]:
    nothing = Effects()
    noted = _canceled_while_asked(books)
    for key, request in history.requests.items():
        if request.operation is Operation.READ:
            continue
        done = lasting(effects.get(key, nothing))
        decision = history.decision(key)
        yield from _check_times(request, done, decision, noted)
        yield from _check_answers(history.answers.get(key, []))
        if decision is None:
            continue
        kept = books.kept.get((request.merchant, key))
        if kept is None and decision.outcome is Outcome.ACKNOWLEDGED:
            # The client's next repetition would act again.
            yield Anomaly(Wrong.CONTENT, key, "acknowledged, and its answer is not kept")
        if kept is not None and (kept.status, kept.body) != (decision.status, decision.body):
            yield Anomaly(
                Wrong.CONTENT,
                key,
                f"answered with {decision.status} {decision.body}, "
                f"and {kept.status} {kept.body} is kept",
            )
        if decision.outcome is Outcome.ACKNOWLEDGED and done.transfers:
            yield from _check_content(request, done, decision)


def _canceled_while_asked(books: Books) -> frozenset[str]:
    """Paths of cancellations that moved nothing: the payment's own flow released the hold."""
    own = {(t.payment, t.correlation_id) for t in books.transfers if t.purpose == "cancellation"}
    return frozenset(
        f"/v1/payments/{payment.id}/cancel"
        for payment in books.payments
        if payment.status == "canceled" and (payment.id, payment.correlation_id) in own
    )


def _check_times(
    request: Request, done: Effects, decision: Attempt | None, noted: Collection[str]
) -> Iterator[Anomaly]:
    """Compare how often a request acted with how often it may have."""
    times = max(len(done.transfers), len(done.payments), len(done.refunds))
    what = f"{request.operation}: {_names(done) or 'nothing'} in the database"
    if times > 1:
        yield Anomaly(Wrong.DOUBLED, request.key, what)
    if decision is None:
        return
    if decision.outcome is Outcome.REFUSED and times:
        yield Anomaly(
            Wrong.REFUSED_BUT_PRESENT, request.key, f"refused with {decision.status}; {what}"
        )
    if request.path in noted:
        return
    if decision.outcome is Outcome.ACKNOWLEDGED and _is_missing(request, done):
        yield Anomaly(Wrong.LOST, request.key, f"acknowledged: {decision.body}; {what}")


def _is_missing(request: Request, done: Effects) -> bool:
    """Whether some part of what the operation does is missing."""
    if request.operation in _MAKES_A_PAYMENT and not done.payments:
        return True
    if request.operation is Operation.REFUND and not done.refunds:
        return True
    return not done.transfers


def _names(done: Effects) -> str:
    rows: list[FinalTransfer | FinalPayment | FinalRefund] = [
        *done.transfers, *done.payments, *done.refunds,
    ]  # fmt: skip
    return ", ".join(row.id for row in rows)


def _check_answers(answers: list[Attempt]) -> Iterator[Anomaly]:
    """Check that every decided try of one key got the same answer."""
    decided = [answer for answer in answers if answer.outcome is not Outcome.UNKNOWN]
    for answer in decided[1:]:
        first = decided[0]
        if (answer.status, answer.body) != (first.status, first.body):
            yield Anomaly(
                Wrong.ANSWER_CHANGED,
                answer.key,
                f"first {first.status} {first.body}, then {answer.status} {answer.body}",
            )


def _check_content(request: Request, done: Effects, decision: Attempt) -> Iterator[Anomaly]:
    """Check that the acknowledged content is in the database, as far as it never changes again."""
    told: dict[str, Any] = msgspec.json.decode(decision.body)
    asked = request.body or {}
    pairs: list[tuple[str, Any, Any]] = []
    if request.operation in _MAKES_A_PAYMENT and done.payments:
        payment = done.payments[0]
        pairs = [
            ("id", told["id"], payment.id),
            ("amount", told["amount"], payment.amount),
            ("asked amount", asked["amount"], payment.amount),
            ("method", asked["payment_method"]["type"], payment.method),
        ]
        if not is_card(request):
            pairs.append(("account", asked["payment_method"]["account"], payment.account))
        elif told["status"] != "canceled":  # a canceled one may never have reached its bank
            pairs.append(("card", asked["metadata"][CARD], "approved"))
    elif request.operation is Operation.REFUND and done.refunds:
        refund = done.refunds[0]
        pairs = [
            ("id", told["id"], refund.id),
            ("amount", told["amount"], refund.amount),
            ("asked amount", asked["amount"], refund.amount),
            ("payment", asked["payment"], refund.payment),
        ]
    elif request.operation in {Operation.TRANSFER, Operation.DEPOSIT}:
        pairs = [("id", told["id"], done.transfers[0].id)]
    else:
        pairs = [("payment", told["id"], done.transfers[0].payment)]
    for name, said, found in pairs:
        if said != found:
            yield Anomaly(
                Wrong.CONTENT, request.key, f"{name}: {said} was answered, {found} is there"
            )


def _check_unasked(history: History, effects: Mapping[str, Effects]) -> Iterator[Anomaly]:
    for key, done in effects.items():
        request = history.requests.get(key)
        if request is None or request.operation is Operation.READ:
            yield Anomaly(Wrong.UNASKED, key, f"{_names(done)} in the database")
