"""Bank accounts, payouts, and how merchants are paid out.

    requires_approval -> pending | canceled
    pending           -> in_transit | paid | failed | canceled
    in_transit        -> paid | failed | canceled
    paid              -> failed (`returned`: the money came back)
    failed | canceled -> paid               (by people: the bank had paid it all the same)

The money has left the merchant's available balance from the beginning; it comes back where a payout
fails or is canceled. What the bank said is never decided here, only booked.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Final, Literal
from uuid import UUID

import msgspec

from app.base import ids

PayoutStatus = Literal["requires_approval", "pending", "in_transit", "paid", "failed", "canceled"]

PayoutFileStatus = Literal["made", "accepted", "partially_accepted", "rejected"]
"""`made`, then what the bank said."""

PayoutSchedule = Literal["manual", "daily"]

PayoutChannel = Literal["single", "file"]

OPEN: Final = frozenset({"pending", "in_transit"})
"""States in which the bank has, or may have, what it will decide."""

WAITING: Final = OPEN | {"requires_approval"}
"""States in which the money is on its way."""

RETURNED: Final = "returned"
"""Why a payout failed that had been paid."""

CANCELED: Final = "canceled"
"""The code with which banks decline what was stopped."""

FLOW: Final = "payout"
"""The name of the flow that every payout has."""

_SHOWN: Final = 4  # characters of an account number that tell accounts apart, and cannot be paid to


class BankAccount(msgspec.Struct, frozen=True):
    """Where a merchant wants its money."""

    merchant_id: UUID
    id: UUID
    iban: str
    """The whole number; shown nowhere but in orders to the bank."""
    name: str
    metadata: Mapping[str, str]
    version: int
    correlation_id: str
    created_at: datetime

    @property
    def country(self) -> str:
        """ISO 3166 code of the bank's country."""
        return self.iban[:2]

    @property
    def last4(self) -> str:
        """The end of the number."""
        return self.iban[-_SHOWN:]


class Payout(msgspec.Struct):
    """Money on its way to a merchant's bank account."""

    merchant_id: UUID
    id: UUID
    status: PayoutStatus
    currency: str
    amount_minor: int
    bank_account_id: UUID
    channel: PayoutChannel
    """`single`: an order of its own; `file`: a line of the day's file."""
    file_id: UUID | None
    failure_code: str | None
    """Why it failed: the code with which the bank declined or did not take it, or `returned`."""
    description: str | None
    metadata: Mapping[str, str]
    created_by: UUID | None
    """The API key that asked for it; none: the daily schedule did."""
    approved_by: UUID | None
    transfer_id: UUID
    """From the available balance."""
    paid_transfer_id: UUID | None
    """To the bank."""
    returned_transfer_id: UUID | None
    """Back to the available balance."""
    version: int
    """Counts the payout's events."""
    correlation_id: str
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """The id on the wire, and the reference at the bank."""
        return ids.encode("payout", self.id)

    @property
    def ended_unpaid(self) -> bool:
        """Whether it has ended here without ever being paid: its money is available again."""
        return self.status in {"failed", "canceled"} and self.paid_transfer_id is None


class PayoutPlan(msgspec.Struct, frozen=True):
    """How a merchant is paid out in a currency."""

    merchant_id: UUID
    currency: str
    schedule: PayoutSchedule
    bank_account_id: UUID | None
    """Where daily payouts go."""
    approval_minor: int | None
    """Payouts above it need a second key; none: above the platform's limit."""


class PayoutFile(msgspec.Struct, frozen=True):
    """Orders of many merchants, as the bank gets them."""

    region: str
    id: UUID
    currency: str
    day: date
    """When the bank is to execute them."""
    status: PayoutFileStatus
    content: str
    """The pain.001 text; the same however often it is sent."""
    payouts: int
    sum_minor: int
    rejected: Mapping[str, str]
    """Our reference -> why the bank did not take it."""
    created_at: datetime
    updated_at: datetime
    """When it was given to the bank last; then when the bank, or people, decided about it."""

    @property
    def name(self) -> str:
        """Its message id: an identifier of 35 characters at most (ISO 20022, Max35Text)."""
        return self.id.hex


class Recall(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cancellation that a payout's flow asks the bank for, as the flow's data; or none."""

    key: UUID | None = None
    """The idempotency key whose answer waits for the bank's word."""
    correlation_id: str = ""
    """The request that asked for it."""

    @classmethod
    def of(cls, data: str) -> "Recall":
        """What a flow's data says."""
        return msgspec.json.decode(data, type=cls)

    def to_data(self) -> str:
        """As a flow's data."""
        return msgspec.json.encode(self).decode()


class PayoutChange(Enum):
    """What the word of a bank does to a payout."""

    NOTHING = "nothing"
    TRANSIT = "in_transit"
    PAY = "paid"
    FAIL = "failed"
    CANCEL = "canceled"
    RETURN = "returned"
