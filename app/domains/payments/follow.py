"""What notifications about payments lead to: the truth is asked for, and booked.

A notification wakes the flow that waits for it. Where no flow is open any more, the processor may
know something that came too late: an authorization that came after its payment had ended is
reversed, and a refund that came back is booked.
"""

from typing import Final
from uuid import UUID

from app.base import clock, ids
from app.domains.payments import reads
from app.domains.payments.bookings import fail_refunds
from app.domains.payments.commands import FailRefund
from app.domains.payments.model import Payment, Refund
from app.engine.database import find_in
from app.engine.idempotency import internal_intent
from app.engine.saga import Flow, Postpone
from app.processors import (
    AskAuthorization,
    AskBankTransfer,
    AskRefund,
    AskReversal,
    Notification,
    TokenizedCard,
    World,
)

_WAKE_S: Final = 20.0  # a flow that is woken asks a processor and commits
_LOOKS: Final = 2
"""A flow that is met at the first look may have asked the processor just before the notification
came; one that is met at the second look has begun after it."""
_OVER: Final = frozenset({"declined", "failed", "canceled", "expired"})


async def follow_payment(
    world: World, flow: Flow, processor: str, notification: Notification
) -> str | Postpone:
    """Look at the payment that an authorization, a capture or a bank transfer belongs to."""
    name = notification.reference
    if not name.startswith(f"{ids.PREFIXES['payment']}_"):
        return "its own flow asks for it"  # the flow of the capture waits for the answer
    payment_id = ids.decode("payment", name)
    until = clock.monotonic() + _WAKE_S
    for _ in range(_LOOKS):
        payment = await _find(world, flow, payment_id)
        if payment is None or payment.rail is None:
            return f"no payment {name}"
        if payment.rail.processor != processor:
            # It went on with another one, because this one had surely done nothing.
            return await _reverse_late(world, flow, processor, payment)
        if payment.operation_id is None:
            break
        if not await world.sagas.advance(flow, payment.operation_id, until=until):
            return Postpone("somebody works on it")
    payment = await _find(world, flow, payment_id)
    assert payment is not None
    if payment.operation_id is not None:
        return f"woken, and it is {payment.status}"
    if payment.status in _OVER and payment.method == "card":
        return await _reverse_late(world, flow, processor, payment)
    if payment.status in _OVER and notification.subject == "bank_transfer":
        return await _look_for_money(world, flow, processor, payment)
    return f"it is {payment.status}"


async def _reverse_late(
    world: World, flow: Flow, processor: str, payment: Payment
) -> str | Postpone:
    """Give back an authorization that came to be after its payment had ended."""
    assert payment.rail is not None
    merchant = ids.encode("merchant", payment.merchant_id)
    found = await world.processors.cards(processor).find_authorization(
        AskAuthorization(
            reference=payment.name,
            merchant=merchant,
            correlation_id=flow.correlation_id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            capture=payment.capture == "automatic",
            card=TokenizedCard(payment.rail.token or "", payment.rail.brand or ""),
        )
    )
    if found.outcome == "unknown":
        return Postpone(found.code or "unknown")
    if found.outcome not in {"approved", "requires_action"}:
        return f"it is {payment.status} here and {found.outcome} there"
    verdict = await world.processors.cards(processor).reverse(
        AskReversal(
            reference=ids.encode("reversal", payment.id),
            merchant=merchant,
            correlation_id=flow.correlation_id,
            authorization=payment.name,
            processor_reference=found.processor_reference,
            currency=payment.currency,
            refund_captured=True,
        )
    )
    if verdict.outcome in {"approved", "not_found"}:
        return f"it is {payment.status} here: reversed there"
    return Postpone(f"reversal {verdict.outcome}: {verdict.code}")


async def _look_for_money(
    world: World, flow: Flow, processor: str, payment: Payment
) -> str | Postpone:
    """Leave to people money that came for a payment that had ended: it cannot be sent back here."""
    ask = AskBankTransfer(
        reference=payment.name,
        merchant=ids.encode("merchant", payment.merchant_id),
        correlation_id=flow.correlation_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )
    found = await world.processors.banks(processor).find_transfer(ask)
    if found.outcome in {"approved", "unknown"}:
        return Postpone(f"{payment.name} is {payment.status} here and {found.outcome} there")
    return f"it is {payment.status} here and {found.outcome} there"


async def follow_refund(
    world: World, flow: Flow, processor: str, notification: Notification
) -> str | Postpone:
    """Look at a refund: one that had succeeded may have come back."""
    refund_id = ids.decode("refund", notification.reference)
    until = clock.monotonic() + _WAKE_S
    refund = await _find_refund(world, flow, refund_id)
    for _ in range(_LOOKS):
        payment = None if refund is None else await _find(world, flow, refund.payment_id)
        if refund is None or payment is None or payment.rail is None:
            return f"no refund {notification.reference}"
        if refund.status != "pending" or payment.operation_id is None:
            break
        if not await world.sagas.advance(flow, payment.operation_id, until=until):
            return Postpone("somebody works on it")
        # What it brought back may be older than the notification: look again.
        refund = await _find_refund(world, flow, refund_id)
    assert refund is not None
    assert payment is not None
    if refund.status != "succeeded":
        return f"it is {refund.status}"
    verdict = await world.processors.cards(processor).find_refund(
        AskRefund(
            reference=notification.reference,
            merchant=ids.encode("merchant", flow.merchant_id),
            correlation_id=flow.correlation_id,
            authorization=payment.name,
            processor_reference=refund.processor_reference,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
        )
    )
    if verdict.outcome == "unknown":
        return Postpone(verdict.code or "unknown")
    if verdict.outcome != "declined":
        return f"it is {refund.status} here and {verdict.outcome} there"
    return await _fail_refund(world, flow, payment.id, refund_id, verdict.code or "failed")


async def _fail_refund(
    world: World, flow: Flow, payment_id: UUID, refund_id: UUID, code: str
) -> str | Postpone:
    command = flow.command(
        FailRefund,
        internal_intent(f"refund_failure {refund_id}"),
        payment_id=payment_id,
        refund_id=refund_id,
        transfer_id=ids.new(),
        code=code,
    )
    answer = (await world.sagas.run(fail_refunds, [command])).only()
    return f"booked as failed: {code}" if answer.status < 400 else answer.body  # noqa: PLR2004


async def _find_refund(world: World, flow: Flow, refund_id: UUID) -> Refund | None:
    return await find_in(
        flow.regions,
        lambda region: reads.find_refund(world.database, region, flow.merchant_id, refund_id),
    )


async def _find(world: World, flow: Flow, payment_id: UUID) -> Payment | None:
    return await find_in(
        flow.regions,
        lambda region: reads.find_payment(world.database, region, flow.merchant_id, payment_id),
    )
