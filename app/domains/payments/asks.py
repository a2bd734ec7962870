"""The external steps of payments' flows: no transaction is open, and each may be repeated.

Each request to a processor carries a reference of ours, under which the processor acts once; so a
step that runs again, in this process or another, finds its own earlier run. A step that may not be
the first to ask looks up the state at the processor first. If it gets no answer, that says nothing
of the attempts before.
"""

from datetime import timedelta
from typing import Final

import msgspec

from app.base import clock, ids
from app.domains.payments import reads
from app.domains.payments.decisions import capture_name
from app.domains.payments.model import (
    UNDECIDED,
    CapturePlan,
    OpenPlan,
    Payment,
    RefundPlan,
    plan_of,
)
from app.engine.database import find_in
from app.engine.saga import Flow, Postpone, external
from app.processors import (
    AskAuthorization,
    AskBankTransfer,
    AskCapture,
    AskRefund,
    AskReversal,
    Banks,
    Cards,
    TokenizedCard,
    Verdict,
    World,
)

ACTION_TIME: Final = {"card": timedelta(minutes=15), "bank_transfer": timedelta(days=1)}
"""How long a payer has for a challenge; how long until a bank is asked again, which tells itself
when it expects the money no more."""

_CANCEL_WAIT_S = 5.0  # for the authorization that is to be canceled, at each attempt


class Undone(msgspec.Struct, frozen=True):
    """The processor took back what it had approved."""

    why: str


@external("authorization")
async def ask_authorization(world: World, flow: Flow) -> Verdict | Undone | Postpone:
    """What the processor says about a new payment."""
    plan = plan_of(flow, OpenPlan)
    if plan.method == "bank_transfer":
        return await _ask_transfer(world.processors.banks(plan.processor), flow, plan)
    cards = world.processors.cards(plan.processor)
    if not _is_first(flow) and await _is_canceled(world, flow):
        # What may not have arrived yet is refused there from now on; what did is given back.
        return await _undo(cards, flow, plan)
    verdict = await _authorize(cards, flow, plan)
    waits = verdict.outcome in {"requires_action", "pending"}
    if waits and clock.now() > flow.created_at + ACTION_TIME[plan.method]:
        reversed_ = await cards.reverse(_reversal(flow, plan.currency))
        if reversed_.outcome != "approved":
            return Postpone(f"reversal {reversed_.outcome}: {reversed_.code}")
        return Verdict("declined", code="action_expired")
    return _known(flow, verdict)


async def _is_canceled(world: World, flow: Flow) -> bool:
    payment, _ = await _payment_of(world, flow)
    return payment.rail is not None and payment.rail.cancel_requested


def _is_asked_before(flow: Flow, plan: OpenPlan) -> bool:
    """Whether the processor may know the payment, so that it is asked for its state first."""
    return plan.asked or not _is_first(flow)


async def _authorize(cards: Cards, flow: Flow, plan: OpenPlan) -> Verdict:
    ask = AskAuthorization(
        reference=ids.encode("payment", flow.object_id),
        merchant=ids.encode("merchant", flow.merchant_id),
        correlation_id=flow.correlation_id,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        capture=plan.capture,
        card=TokenizedCard(plan.token, plan.brand),
        # A fault is for the first request; the one that asks again shall find out.
        sandbox_fault=None if flow.attempts else plan.sandbox_fault,
    )
    verdict = await cards.find_authorization(ask) if _is_asked_before(flow, plan) else None
    if verdict is None or verdict.outcome == "not_found":
        verdict = await cards.authorize(ask)
    return verdict


async def _ask_transfer(banks: Banks, flow: Flow, plan: OpenPlan) -> Verdict | Postpone:
    ask = _transfer(flow, plan)
    verdict = await banks.find_transfer(ask) if _is_asked_before(flow, plan) else None
    if verdict is None or verdict.outcome == "not_found":
        verdict = await banks.expect_transfer(ask)
    came = verdict.amount_minor if verdict.outcome == "approved" else None
    if came not in {None, plan.amount_minor}:
        # It cannot be given back from here: people have to look at it.
        return Postpone(f"{came} came instead of {plan.amount_minor}")
    return _known(flow, verdict)


@external("authorization")
async def ask_reversal(world: World, flow: Flow) -> Undone | Postpone:
    """Undo an authorization that must not be: nothing of it is left at the processor afterwards."""
    plan = plan_of(flow, OpenPlan)
    if plan.method == "card":
        return await _undo(world.processors.cards(plan.processor), flow, plan)
    found = await world.processors.banks(plan.processor).find_transfer(_transfer(flow, plan))
    if found.outcome in {"approved", "unknown"}:
        # It cannot be sent back from here: people have to look at it.
        return Postpone(f"the transfer is {found.outcome}")
    return Undone(flow.note or "undone")


async def _undo(cards: Cards, flow: Flow, plan: OpenPlan) -> Undone | Postpone:
    verdict = await cards.reverse(_reversal(flow, plan.currency))
    if verdict.outcome in {"approved", "not_found"}:
        return Undone(flow.note or "undone")
    return Postpone(f"reversal {verdict.outcome}: {verdict.code}")


def _transfer(flow: Flow, plan: OpenPlan) -> AskBankTransfer:
    return AskBankTransfer(
        reference=ids.encode("payment", flow.object_id),
        merchant=ids.encode("merchant", flow.merchant_id),
        correlation_id=flow.correlation_id,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
    )


def _reversal(flow: Flow, currency: str) -> AskReversal:
    return AskReversal(
        reference=ids.encode("reversal", flow.id),
        merchant=ids.encode("merchant", flow.merchant_id),
        correlation_id=flow.correlation_id,
        authorization=ids.encode("payment", flow.object_id),
        processor_reference=None,
        currency=currency,
        refund_captured=True,
    )


@external("capture")
async def ask_capture(world: World, flow: Flow) -> Verdict | Postpone:
    """What the processor says about a capture."""
    plan = plan_of(flow, CapturePlan)
    payment, cards = await _payment_of(world, flow)
    assert payment.rail is not None
    ask = AskCapture(
        reference=capture_name(plan.transfer_id),
        merchant=ids.encode("merchant", flow.merchant_id),
        correlation_id=flow.correlation_id,
        authorization=payment.name,
        processor_reference=payment.rail.processor_reference,
        amount_minor=plan.amount_minor,
        currency=payment.currency,
        final=plan.final,
    )
    verdict = None if _is_first(flow) else await cards.find_capture(ask)
    if verdict is None or verdict.outcome == "not_found":
        verdict = await cards.capture(ask)
    took = verdict.amount_minor if verdict.outcome == "approved" else None
    if took is not None and not 0 < took <= plan.amount_minor:
        # People have to look at it: it is not what was asked for, nor a part of it.
        return Postpone(f"{took} captured instead of {plan.amount_minor}")
    return _known(flow, verdict)


@external("cancellation")
async def ask_cancellation(world: World, flow: Flow) -> Verdict | Postpone:
    """What the processor says about giving an authorization back; first the latter must be known.

    A cancellation that was noted while the authorization was under way waits for it to end: that
    flow undoes what it finds approved, and there is nothing left to do.
    """
    payment, cards = await _payment_of(world, flow)
    if payment.operation_id not in {None, flow.id}:
        assert payment.operation_id is not None
        until = clock.monotonic() + _CANCEL_WAIT_S
        await world.sagas.advance(flow, payment.operation_id, until=until)
        payment, cards = await _payment_of(world, flow)
    if payment.status in UNDECIDED:
        return Postpone("the authorization is still unknown")
    if payment.operation_id != flow.id:
        return Verdict("approved", code="nothing_left")
    assert payment.rail is not None
    ask = AskReversal(
        reference=ids.encode("reversal", flow.id),
        merchant=ids.encode("merchant", flow.merchant_id),
        correlation_id=flow.correlation_id,
        authorization=payment.name,
        processor_reference=payment.rail.processor_reference,
        currency=payment.currency,
    )
    verdict = await cards.reverse(ask)
    if verdict.outcome == "not_executed" and flow.key_id is None:
        # An expiry: no client waits for it, and would ask anew.
        return Postpone(verdict.code or "not_executed")
    return _known(flow, verdict)


@external("refund")
async def ask_refund(world: World, flow: Flow) -> Verdict | Postpone:
    """What the processor says about a refund."""
    plan = plan_of(flow, RefundPlan)
    payment, cards = await _payment_of(world, flow)
    assert payment.rail is not None
    ask = AskRefund(
        reference=ids.encode("refund", plan.refund_id),
        merchant=ids.encode("merchant", flow.merchant_id),
        correlation_id=flow.correlation_id,
        authorization=payment.name,
        processor_reference=payment.rail.processor_reference,
        amount_minor=plan.amount_minor,
        currency=payment.currency,
    )
    verdict = None if _is_first(flow) else await cards.find_refund(ask)
    if verdict is None or verdict.outcome == "not_found":
        verdict = await cards.refund(ask)
    gave = verdict.amount_minor if verdict.outcome in {"approved", "pending"} else None
    if gave not in {None, plan.amount_minor}:
        return Postpone(f"{gave} refunded instead of {plan.amount_minor}")
    return _known(flow, verdict)


async def _payment_of(world: World, flow: Flow) -> tuple[Payment, Cards]:
    payment = await find_in(
        flow.regions,
        lambda region: reads.find_payment(world.database, region, flow.merchant_id, flow.object_id),
    )
    if payment is None:
        raise LookupError(f"no payment {flow.object_id}")
    assert payment.rail is not None
    return payment, world.processors.cards(payment.rail.processor)


def _is_first(flow: Flow) -> bool:
    """Whether the processor was surely not asked for this before."""
    return flow.fresh and flow.attempts == 0


def _known(flow: Flow, verdict: Verdict) -> Verdict | Postpone:
    """A verdict that says something of all attempts; otherwise the question is put off."""
    says_nothing = {"unknown"} if _is_first(flow) else {"unknown", "not_executed"}
    if verdict.outcome in says_nothing:
        return Postpone(verdict.code or verdict.outcome)
    return verdict
