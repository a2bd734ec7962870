"""What clients see of bank accounts and payouts; events carry the same text."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from app.base import ids
from app.domains.payouts.model import BankAccount, Payout


class BankAccountView(msgspec.Struct, frozen=True):
    """Where a merchant wants its money; the number itself is not shown again."""

    id: str
    country: str
    """ISO 3166 code of the bank's country."""
    last4: str
    """The end of the account's number."""
    name: str
    """Who owns it."""
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    object: str = "bank_account"


class PayoutView(msgspec.Struct, frozen=True):
    """Money on its way to a bank account. Amounts in minor units of the currency."""

    id: str
    status: str
    """`requires_approval`, `pending`, `in_transit`, `paid`, `failed`, `canceled`"""
    amount: int
    currency: str
    bank_account: str
    failure_code: str | None
    """Why it failed: the bank's code, or `returned` where the money came back after it was paid."""
    created_by: str | None
    """The API key that asked for it; null: the daily schedule did."""
    approved_by: str | None
    """The other API key that let it go, where that was required."""
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    object: str = "payout"


_encoder = msgspec.json.Encoder()


def bank_account_view(account: BankAccount) -> BankAccountView:
    """A bank account on the wire."""
    return BankAccountView(
        id=ids.encode("bank_account", account.id),
        country=account.country,
        last4=account.last4,
        name=account.name,
        metadata=account.metadata,
        correlation_id=account.correlation_id,
        created_at=ids.instant(account.id),
    )


def payout_view(payout: Payout) -> PayoutView:
    return PayoutView(
        id=payout.name,
        status=payout.status,
        amount=payout.amount_minor,
        currency=payout.currency,
        bank_account=ids.encode("bank_account", payout.bank_account_id),
        failure_code=payout.failure_code,
        created_by=ids.encode("api_key", payout.created_by) if payout.created_by else None,
        approved_by=ids.encode("api_key", payout.approved_by) if payout.approved_by else None,
        description=payout.description,
        metadata=payout.metadata,
        correlation_id=payout.correlation_id,
        created_at=ids.instant(payout.id),
        updated_at=payout.updated_at,
    )


def bank_account_text(account: BankAccount) -> str:
    """The bank account as JSON: the answer, the kept answer and the event's data in one."""
    return _encoder.encode(bank_account_view(account)).decode()


def payout_text(payout: Payout) -> str:
    return _encoder.encode(payout_view(payout)).decode()
