"""The states of bank transfers and payouts. Pure."""

from datetime import timedelta

from msgspec.structs import replace

from app.sandbox.acquirer.model import BankTransferRecord, PayoutRecord

TRANSFER_LIFE = timedelta(days=7)
"""How long a payer may take to send the money."""


def arrive(
    transfer: BankTransferRecord, amount_minor: int | None = None
) -> BankTransferRecord | None:
    """The bank transfer after money arrived; none if it does not wait for money any more.

    Args:
        amount_minor: what arrived, which payers may get wrong; the expected amount if not given.
    """
    if transfer.status == "expired":
        return None
    if transfer.status == "approved":
        return transfer
    received_minor = transfer.amount_minor if amount_minor is None else amount_minor
    return replace(transfer, status="approved", received_minor=received_minor)


def expire(transfer: BankTransferRecord) -> BankTransferRecord:
    """The bank transfer after its time passed."""
    return replace(transfer, status="expired") if transfer.status == "pending" else transfer


def cancel(payout: PayoutRecord) -> PayoutRecord:
    """The payout after a cancellation, which succeeds only while the money has not left."""
    return replace(payout, status="canceled") if payout.status == "pending" else payout


def pay(payout: PayoutRecord) -> PayoutRecord:
    """The payout after its money reached the bank account."""
    return replace(payout, status="approved") if payout.status == "pending" else payout


def decline(payout: PayoutRecord, code: str) -> PayoutRecord:
    """The payout after its bank refused it, before any money left."""
    if payout.status != "pending":
        return payout
    return replace(payout, status="declined", decline_code=code)


def give_back(payout: PayoutRecord, code: str) -> PayoutRecord:
    """The payout after the money came back, days later."""
    if payout.status != "approved":
        return payout
    return replace(payout, status="returned", decline_code=code)
