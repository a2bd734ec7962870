"""Payments against their transfers, holds and refunds, merged in the order of their ids."""

from app.operate.verify import disputes, money
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, hold_wire, wire
from app.operate.verify.money import PaymentRow, PaymentSums
from app.operate.verify.store import FIRST, Row, queries
from app.operate.verify.transfers import lines_of


class _Dossier:
    """One payment, and what was found about it."""

    def __init__(self, audit: Audit, payment: PaymentRow) -> None:
        self.audit = audit
        self.payment = payment
        self.moved = PaymentSums(payment.account_id.replace("-", ""))
        self.booked = disputes.Booked()

    @property
    def name(self) -> str:
        """The payment's id on the wire."""
        return wire("payment", self.payment.id)

    def add_transfer(self, row: Row) -> None:
        """Count a transfer that names the payment."""
        _, _, transfer_id, kind, purpose, hold_id, text, is_late = row
        name = wire("transfer", transfer_id)
        # A pending transfer is the hold itself; other transfers name their hold.
        hold = transfer_id if kind == "pending" else hold_id
        if hold is not None and hold != self.payment.hold_id:
            what = (
                f"{kind} for {self.name} of the hold {hold_wire(hold)}, which is not the payment's"
            )
            self.audit.add(Check.HOLD_AMOUNTS, name, what)
        # What a processor had approved in time may be booked later.
        if kind == "post" and is_late and self.payment.method == "wallet":
            self.audit.add(Check.HOLD_IN_TIME, name, f"{self.name} had expired by then")
        if kind not in {"posted", "pending"} and hold_id is None:
            self.audit.add(Check.HOLD_AMOUNTS, name, f"{kind} for {self.name} of no hold")
        # A transfer whose lines cannot be read is a finding of `transfers`.
        if kind == "posted" and purpose in disputes.PURPOSES:
            self.booked.add(transfer_id, purpose, lines_of(text) or [], self.payment.merchant_id)
            return
        strange = self.moved.add(transfer_id, kind, purpose, lines_of(text) or [])
        if strange is not None:
            self.audit.add(Check.PAYMENT_TRANSFERS, name, strange)

    def add_refund(self, row: Row) -> None:
        """Count a refund that names the payment."""
        _, _, refund_id, status, currency, amount = row
        if status == "failed":
            self.moved.failed_rows_minor += amount
        else:
            self.moved.refund_rows_minor += amount
        if currency != self.payment.currency:
            what = f"it is in {currency}, and {self.name} in {self.payment.currency}"
            self.audit.add(Check.PAYMENT_REFUNDS, wire("refund", refund_id), what)

    def add_dispute(self, row: Row) -> None:
        """Count a dispute that names the payment."""
        self.booked.disputes.append(disputes.DisputeRow(*row))

    def close(self) -> None:
        """Judge the payment by all that was counted."""
        payment = self.payment
        for check, name, what in self.booked.judge(
            payment.currency,
            disputed=payment.disputed,
            amount_minor=payment.amount_minor,
            captured_minor=payment.captured_minor,
        ):
            self.audit.add(check, name or self.name, what)
        for check, what in money.judge(self.payment, self.moved):
            self.audit.add(check, self.name, what)
        held = self.payment.hold_id
        for check, what in money.judge_hold(self.payment, self.moved):
            # A hold's id is that of its pending transfer.
            self.audit.add(check, hold_wire(held) if held else self.name, f"{self.name}: {what}")


async def check(audit: Audit) -> None:
    """Walk all payments with the transfers, holds, refunds and disputes that name them."""
    again = audit.doubled(lambda row: wire("payment", row[1]), "it")
    payments = audit.stream(queries.list_payments, again, after_merchant_id=FIRST, after_id=FIRST)
    behind = {"after_merchant_id": FIRST, "after_payment_id": FIRST, "after_id": FIRST}
    transfers = audit.stream(queries.list_payment_transfers, None, **behind)
    again = audit.doubled(lambda row: wire("refund", row[2]), "it")
    refunds = audit.stream(queries.list_payment_refunds, again, **behind)

    def lone_transfer(row: Row) -> None:
        what = f"it is for {wire('payment', row[1])}, which does not exist"
        audit.add(Check.PAYMENT_TRANSFERS, wire("transfer", row[2]), what)

    def lone_refund(row: Row) -> None:
        what = f"it is of {wire('payment', row[1])}, which does not exist"
        audit.add(Check.PAYMENT_REFUNDS, wire("refund", row[2]), what)

    contested = disputes.payment_disputes(audit, **behind)

    def lone_dispute(row: Row) -> None:
        what = f"it is of {wire('payment', row[1])}, which does not exist"
        audit.add(Check.PAYMENT_DISPUTED, wire("dispute", row[2]), what)

    async for rows in audit.pages("payments", payments, queries.count_payments):
        for row in rows:
            dossier = _Dossier(audit, PaymentRow(*row))
            await transfers.up_to(row[:2], below=lone_transfer, at=dossier.add_transfer)
            await refunds.up_to(row[:2], below=lone_refund, at=dossier.add_refund)
            await contested.up_to(row[:2], below=lone_dispute, at=dossier.add_dispute)
            dossier.close()
    await transfers.rest(lone_transfer)
    await refunds.rest(lone_refund)
    await contested.rest(lone_dispute)
