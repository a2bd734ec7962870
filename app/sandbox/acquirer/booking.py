"""What commands share: movements of money, and notifications."""

from typing import Final

from app.base.money import fee_minor
from app.sandbox.acquirer.faults import Fault
from app.sandbox.acquirer.model import (
    AuthorizationRecord,
    BankTransferRecord,
    CaptureRecord,
    DisputeRecord,
    Movement,
    MovementKind,
    Notice,
    PayoutRecord,
    RefundRecord,
)
from app.sandbox.acquirer.unit import Unit

# What acquirers charge a small merchant, so that a file's fees look real.
_CAPTURE_BPS: Final = 140
_CAPTURE_FIXED_MINOR: Final = 10
_TRANSFER_MINOR: Final = 20
PAYOUT_FEE_MINOR: Final = 25


def capture_fee_minor(amount_minor: int) -> int:
    """The sandbox's fee on a capture."""
    return fee_minor(amount_minor, bps=_CAPTURE_BPS, fixed_minor=_CAPTURE_FIXED_MINOR)


def transfer_fee_minor(amount_minor: int) -> int:
    """The sandbox's fee on a bank transfer."""
    return min(_TRANSFER_MINOR, amount_minor)


def book_card(
    unit: Unit,
    held: AuthorizationRecord,
    kind: MovementKind,
    reference: str,
    gross_minor: int,
    *,
    fee_minor: int = 0,
) -> None:
    """Record money that moved because of a card."""
    unit.move(
        Movement(
            kind=kind,
            reference=reference,
            authorization=held.reference,
            merchant=held.merchant,
            currency=held.currency,
            gross_minor=gross_minor,
            fee_minor=fee_minor,
            reported_minor=gross_minor + misreported_minor(held.traits),
        )
    )


def book_bank(
    unit: Unit,
    thing: BankTransferRecord | PayoutRecord,
    kind: MovementKind,
    gross_minor: int,
    *,
    fee_minor: int = 0,
) -> None:
    """Record money that moved over a bank account."""
    unit.move(
        Movement(
            kind=kind,
            reference=thing.reference,
            authorization=None,
            merchant=thing.merchant,
            currency=thing.currency,
            gross_minor=gross_minor,
            fee_minor=fee_minor,
            reported_minor=gross_minor + misreported_minor(thing.traits),
        )
    )


def traits_of(fault: Fault | None) -> tuple[str, ...]:
    """The parts of a fault that matter later, which are kept with the record."""
    lasting = {"dispute", "duplicate", "wrong_settlement", "fails_later", "never"}
    return (fault.text,) if fault is not None and fault.name in lasting else ()


def has_trait(traits: tuple[str, ...], name: str) -> bool:
    """Whether a record was made under that fault."""
    return _trait(traits, name) is not None


def misreported_minor(traits: tuple[str, ...]) -> int:
    """By how much the settlement files are wrong about a record, on request."""
    return int(_trait(traits, "wrong_settlement") or 0)


def copies(traits: tuple[str, ...]) -> int:
    """How often notifications about a record are repeated."""
    return int(_trait(traits, "duplicate") or 0)


def _trait(traits: tuple[str, ...], name: str) -> str | None:
    for text in traits:
        found, _, value = text.partition(":")
        if found == name:
            return value
    return None


def tell(
    unit: Unit,
    record: AuthorizationRecord
    | CaptureRecord
    | RefundRecord
    | BankTransferRecord
    | PayoutRecord
    | DisputeRecord,
    *,
    what: str = "updated",
    traits: tuple[str, ...] = (),
) -> None:
    """Notify Suya of a record's state."""
    data: dict[str, str | int] = {
        "reference": record.reference,
        "status": record.status,
        "amount": record.amount_minor,
        "currency": record.currency,
    }
    if isinstance(record, (CaptureRecord, RefundRecord, DisputeRecord)):
        data["authorization"] = record.authorization
    unit.tell(
        Notice(
            type=f"{record.kind}.{what}",
            merchant=record.merchant,
            data=data,
            copies=copies(traits),
        )
    )


def answered(
    unit: Unit,
    record: AuthorizationRecord | CaptureRecord | RefundRecord | BankTransferRecord | PayoutRecord,
    traits: tuple[str, ...] = (),
) -> None:
    """Notify Suya also of a record that the answer shows already, if the script asks for that."""
    if unit.script.notify_all:
        tell(unit, record, traits=traits)
