"""Card payments in every state they may be in; see `history`.

The flows' own steps write the rows; only what a processor says is made up here.
"""

from typing import TYPE_CHECKING, Any

from app.domains.payments import steps as payments
from app.domains.payments.asks import Undone
from app.domains.payments.bookings import fail_refunds
from app.domains.payments.commands import (
    CapturePayment,
    FailRefund,
    OpenPayment,
    RefundPayment,
    ReleasePayment,
)
from app.domains.payments.model import Rail, receivable_account
from app.engine.database import Step
from app.engine.saga import Flow
from app.processors import Verdict

if TYPE_CHECKING:
    from tests.verify.history import Writer

APPROVED, DECLINED = Verdict("approved"), Verdict("declined", code="no_funds")
CHALLENGED = Verdict("requires_action", action_url="https://bank.example/3ds")


async def make_card_payments(writer: "Writer") -> None:
    """Payments with every decision, and with an unknown outcome at each step."""
    await _open(writer, "card_unknown")
    await _open(writer, "card_challenged", CHALLENGED)
    await _open(writer, "card_declined", DECLINED)
    await _open(writer, "card_failed", Verdict("not_executed", code="down"))
    undone = await _open(writer, "card_undone", Verdict("approved", amount_minor=1))
    await writer.book(undone, Undone("approved for 1"))
    await _open(writer, "card_paid", APPROVED)
    for name in ("card_held", "card_part", "card_capturing", "card_not_captured", "card_void"):
        await _open(writer, name, APPROVED, capture="manual")
    await _capture(writer, "card_part", APPROVED)
    await _capture(writer, "card_capturing")
    await _capture(writer, "card_not_captured", DECLINED)
    await _release(writer, "card_void", APPROVED)
    await _open(writer, "card_canceling", CHALLENGED)
    await _release(writer, "card_canceling", None)
    await _open(writer, "card_refunded", APPROVED)
    await _refund(writer, "card_refunded", "card_given_back", APPROVED)
    await _refund(writer, "card_refunded", "card_not_given", DECLINED)
    await _refund(writer, "card_refunded", "card_came_back", APPROVED)
    await _fail_refund(writer, "card_refunded", "card_came_back")
    await _open(writer, "card_refunding", APPROVED)
    await _refund(writer, "card_refunding", "card_giving", None)


async def _open(
    writer: "Writer", name: str, said: Verdict | None = None, capture: str = "automatic"
) -> Flow:
    """A payment of 800, and the processor's answer; `<name>_flow` is its flow."""
    command = OpenPayment(
        **writer.common(),
        payment_id=writer.new(name),
        transfer_id=writer.new(f"{name}_transfer"),
        account_id=receivable_account(writer.merchant.id, "USD").id,
        amount_minor=800,
        currency="USD",
        capture=capture,
        description="a stick of suya",
        metadata={"table": "7", "a": "b"},
        fee_bps=writer.merchant.fee_bps,
        fee_fixed_minor=writer.merchant.fee_fixed_minor,
        method="card",
        rail=Rail(route=("acquirer",), token="pm_1", brand="visa", last4="4242"),  # noqa: S106
    )
    return await _run(writer, payments.open_payments, command, name, said)


async def _capture(writer: "Writer", name: str, said: Verdict | None = None) -> None:
    """A capture of 300."""
    command = CapturePayment(
        **writer.common(),
        payment_id=writer.history.names[name],
        transfer_id=writer.new(f"{name}_capture"),
        amount_minor=300,
        final=False,
    )
    await _run(writer, payments.capture_payments, command, f"{name}_capture", said)


async def _release(writer: "Writer", name: str, said: Verdict | None) -> None:
    command = ReleasePayment(
        **writer.common(),
        payment_id=writer.history.names[name],
        transfer_id=writer.new(f"{name}_release"),
        expired=False,
    )
    await _run(writer, payments.release_payments, command, f"{name}_release", said)


async def _refund(writer: "Writer", payment: str, name: str, said: Verdict | None) -> None:
    """A refund of 100."""
    command = RefundPayment(
        **writer.common(),
        payment_id=writer.history.names[payment],
        refund_id=writer.new(name),
        transfer_id=writer.new(f"{name}_transfer"),
        amount_minor=100,
        description="burnt",
        metadata={"why": "burnt", "a": "b"},
    )
    await _run(writer, payments.refund_payments, command, name, said)


async def _fail_refund(writer: "Writer", payment: str, name: str) -> None:
    """A refund that had succeeded fails."""
    command = FailRefund(
        **writer.common(),
        payment_id=writer.history.names[payment],
        refund_id=writer.history.names[name],
        transfer_id=writer.new(f"{name}_back"),
        code="account_closed",
    )
    await writer.run(fail_refunds, command, status=200)


async def _run(
    writer: "Writer", step: Step[Any, Any], command: Any, name: str, said: Verdict | None
) -> Flow:
    (answer,) = await writer.run(step, command, status=202)
    flow: Flow = answer.flow
    writer.history.names[f"{name}_flow"] = flow.id
    if said is not None:
        await writer.book(flow, said)
    return flow
