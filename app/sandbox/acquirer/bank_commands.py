"""Bank commands: money expected from payers' banks, and money sent to merchants' banks."""

from datetime import timedelta

from stdnum import iban as iban_rules
from stdnum.exceptions import ValidationError

from app.sandbox.acquirer import banks
from app.sandbox.acquirer.booking import (
    PAYOUT_FEE_MINOR,
    answered,
    book_bank,
    has_trait,
    tell,
    traits_of,
    transfer_fee_minor,
)
from app.sandbox.acquirer.faults import Fault
from app.sandbox.acquirer.model import BankTransferRecord, Instructions, PayoutRecord, Timer
from app.sandbox.acquirer.unit import Unit
from app.sandbox.acquirer.wire import BankTransferBody, PayoutBody, RequestRefused, check_currency

# A bank code that no German bank has, then the record's number: an account for each transfer.
_IBAN_COUNTRY, _IBAN_BANK = "DE", "99999999"


def expect_transfer(
    unit: Unit, ask: BankTransferBody, fault: Fault | None, fingerprint: str
) -> BankTransferRecord:
    """Expect money from a payer's bank, once under a reference.

    Raises:
        Refused: another request used the reference, or the currency is unknown.
    """
    known = unit.find_repeated(BankTransferRecord, ask.reference, fingerprint)
    if known is not None:
        return known
    check_currency(ask.currency)
    transfer_id = unit.name(BankTransferRecord)
    made = BankTransferRecord(
        id=transfer_id,
        reference=ask.reference,
        merchant=ask.merchant,
        created_at=unit.now,
        status="pending",
        amount_minor=ask.amount,
        currency=ask.currency,
        instructions=Instructions(_virtual_iban(transfer_id), ask.reference.upper()[-18:]),
        traits=traits_of(fault),
    )
    unit.add(made, fingerprint)
    if not has_trait(made.traits, "never"):
        due_at = unit.now + timedelta(seconds=unit.script.transfer_delay_s)
        unit.later(Timer(due_at=due_at, name="arrive", reference=made.reference))
    due_at = unit.now + banks.TRANSFER_LIFE
    unit.later(Timer(due_at=due_at, name="expire_transfer", reference=made.reference))
    answered(unit, made, made.traits)
    return made


def _virtual_iban(transfer_id: str) -> str:
    account = transfer_id[-10:]
    digits = iban_rules.calc_check_digits(f"{_IBAN_COUNTRY}00{_IBAN_BANK}{account}")
    return f"{_IBAN_COUNTRY}{digits}{_IBAN_BANK}{account}"


def arrive(unit: Unit, reference: str, amount_minor: int | None = None) -> BankTransferRecord:
    """Let the money of a bank transfer arrive.

    Raises:
        Refused: there is no such bank transfer, or it has expired.
    """
    before = unit.get(BankTransferRecord, reference)
    made = banks.arrive(before, amount_minor)
    if made is None:
        raise RequestRefused(409, "expired", "The bank transfer has expired.")
    if made != before:
        assert made.received_minor is not None
        unit.change(made)
        fee = transfer_fee_minor(made.received_minor)
        book_bank(unit, made, "bank_transfer", made.received_minor, fee_minor=fee)
        tell(unit, made, traits=made.traits)
    return made


def arrive_by_timer(unit: Unit, reference: str) -> None:
    """Let the money arrive, unless the transfer has expired."""
    if unit.get(BankTransferRecord, reference).status == "pending":
        arrive(unit, reference)


def expire_transfer(unit: Unit, reference: str) -> BankTransferRecord:
    """Expire a bank transfer; money that has arrived stays.

    Raises:
        Refused: there is no such bank transfer.
    """
    before = unit.get(BankTransferRecord, reference)
    made = banks.expire(before)
    if made != before:
        unit.change(made)
        tell(unit, made, traits=made.traits)
    return made


def pay_out(
    unit: Unit, ask: PayoutBody, fault: Fault | None, fingerprint: str, *, file: str | None = None
) -> PayoutRecord:
    """Accept an order to pay, once under a reference, by itself or in a file.

    A bad account declines it.

    Raises:
        Refused: another request used the reference, or the currency is unknown.
    """
    known = unit.find_repeated(PayoutRecord, ask.reference, fingerprint)
    if known is not None:
        return known
    check_currency(ask.currency)
    made = PayoutRecord(
        id=unit.name(PayoutRecord),
        reference=ask.reference,
        merchant=ask.merchant,
        created_at=unit.now,
        status="pending",
        amount_minor=ask.amount,
        currency=ask.currency,
        iban=iban_rules.compact(ask.iban),
        name=ask.name,
        file=file,
        traits=traits_of(fault),
    )
    code = fault.value if fault is not None and fault.name == "decline" else _why_not(made)
    if code is not None:
        made = banks.decline(made, code)
    else:
        due_at = unit.now + timedelta(seconds=unit.script.payout_delay_s)
        unit.later(Timer(due_at=due_at, name="pay", reference=made.reference))
    unit.add(made, fingerprint)
    answered(unit, made, made.traits)
    return made


def _why_not(payout: PayoutRecord) -> str | None:
    try:
        # The check digits of every country; the format within it only where it is known.
        iban_rules.validate(payout.iban, check_country=False)
    except ValidationError:
        return "invalid_account"
    return None


def pay(unit: Unit, reference: str) -> PayoutRecord:
    """Let a payout reach its bank account.

    Raises:
        Refused: there is no such payout, or it is not on its way.
    """
    before = unit.get(PayoutRecord, reference)
    made = banks.pay(before)
    if made.status != "approved":
        raise RequestRefused(409, "not_pending", f"The payout is {made.status}.")
    if made != before:
        unit.change(made)
        book_bank(unit, made, "payout", -made.amount_minor, fee_minor=PAYOUT_FEE_MINOR)
        tell(unit, made, traits=made.traits)
        if has_trait(made.traits, "fails_later"):
            due_at = unit.now + timedelta(seconds=unit.script.fails_later_s)
            unit.later(Timer(due_at=due_at, name="return_payout", reference=reference))
    return made


def pay_by_timer(unit: Unit, reference: str) -> None:
    """Let a payout reach its bank account, unless it was canceled."""
    if unit.get(PayoutRecord, reference).status == "pending":
        pay(unit, reference)


def cancel_payout(unit: Unit, reference: str) -> PayoutRecord:
    """Cancel a payout if its money has not left; the record's status says whether.

    Raises:
        Refused: there is no such payout.
    """
    before = unit.get(PayoutRecord, reference)
    made = banks.cancel(before)
    if made != before:
        unit.change(made)
        answered(unit, made, made.traits)
    return made


def fail_payout(unit: Unit, reference: str) -> PayoutRecord:
    """Let the bank refuse a payout that is on its way.

    Raises:
        Refused: there is no such payout, or it is not on its way.
    """
    before = unit.get(PayoutRecord, reference)
    made = banks.decline(before, "account_closed")
    if made.status != "declined":
        raise RequestRefused(409, "not_pending", f"The payout is {made.status}.")
    if made != before:
        unit.change(made)
        tell(unit, made, traits=made.traits)
    return made


def return_payout(unit: Unit, reference: str) -> PayoutRecord:
    """Let paid money come back.

    Raises:
        Refused: there is no such payout, or it was not paid.
    """
    before = unit.get(PayoutRecord, reference)
    made = banks.give_back(before, "account_closed")
    if made.status != "returned":
        raise RequestRefused(409, "not_paid", f"The payout is {made.status}.")
    if made != before:
        unit.change(made)
        book_bank(unit, made, "payout_returned", made.amount_minor)
        tell(unit, made, traits=made.traits)
    return made
