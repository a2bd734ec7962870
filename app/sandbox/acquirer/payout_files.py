"""Payout files: ISO 20022 pain.001, many payouts in one upload.

A file's message id works as a reference: the same file again gets the same answer. Each payout in
it acts once under its end-to-end id, whether it came by itself or in a file.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from msgspec import Struct

from app.base.money import EXPONENTS
from app.sandbox.acquirer import bank_commands
from app.sandbox.acquirer.model import FileStatus, PayoutFileRecord, PayoutRecord
from app.sandbox.acquirer.unit import Ids, Unit
from app.sandbox.acquirer.wire import PayoutBody, RequestRefused

PAYOUTS_MAX = 10_000  # in a file, as in a bulk request of the platform
_DIGITS_MAX = 18  # ISO 20022 has no longer amounts
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{0,17})?")  # no sign, no exponent, no NaN

# The codes of pain.002 for the state of a payout, and of a file.
_PAYOUT_CODES = {
    "pending": "ACSP", "approved": "ACSC", "declined": "RJCT", "returned": "RJCT",
    "canceled": "CANC",
}  # fmt: skip
_FILE_CODES: dict[FileStatus, str] = {
    "accepted": "ACCP", "partially_accepted": "PART", "rejected": "RJCT",
}  # fmt: skip


class Upload(Struct, frozen=True):
    """The content of a file."""

    message_id: str
    payouts: tuple[PayoutBody | str, ...]
    """A text stands for a payout that cannot be read: its end-to-end id."""
    fault: str | None
    """Why a bank refuses the file as a whole, if it does."""


class _Node:
    """An element; its children are found by local names."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def all(self, path: str) -> Iterator["_Node"]:
        """Elements at a path of local names."""
        below = "/".join(f"{{*}}{part}" for part in path.split("/"))
        return map(_Node, self._element.iterfind(below))

    def text(self, path: str) -> str:
        """The text at a path; empty if there is none."""
        first = next(self.all(path), None)
        return "" if first is None else (first._element.text or "").strip()  # noqa: SLF001

    def attribute(self, path: str, name: str) -> str:
        """An attribute at a path; empty if there is none."""
        first = next(self.all(path), None)
        return "" if first is None else first._element.get(name, "")  # noqa: SLF001


def read(body: bytes, merchant: str | None) -> Upload:
    """Read a file.

    Args:
        merchant: whose payouts they are; without it each names its own in its remittance text.

    Raises:
        Refused: it is no pain.001 file, or it is too large.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise RequestRefused(
            400, "invalid_file", "The file is no XML, or uses forbidden parts of it."
        ) from None
    if not root.tag.endswith("}Document") or "pain.001" not in root.tag:
        raise RequestRefused(400, "invalid_file", "The file is no pain.001 document.")
    document = _Node(root)
    message_id = document.text("CstmrCdtTrfInitn/GrpHdr/MsgId")
    count = document.text("CstmrCdtTrfInitn/GrpHdr/NbOfTxs")
    if not message_id or not count.isdecimal() or len(count) > _DIGITS_MAX:
        raise RequestRefused(400, "invalid_file", "The group header lacks MsgId or NbOfTxs.")
    orders = list(document.all("CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf"))
    if len(orders) > PAYOUTS_MAX:
        raise RequestRefused(413, "too_large", f"A file has at most {PAYOUTS_MAX} payouts.")
    headers = [(header, orders) for header in document.all("CstmrCdtTrfInitn/GrpHdr")]
    headers += [
        (part, list(part.all("CdtTrfTxInf"))) for part in document.all("CstmrCdtTrfInitn/PmtInf")
    ]
    faults = [_find_fault(header, below) for header, below in headers]
    return Upload(
        message_id=message_id,
        payouts=tuple(_payout(order, merchant) for order in orders),
        fault=next((fault for fault in faults if fault is not None), None),
    )


def _find_fault(header: _Node, orders: Sequence[_Node]) -> str | None:
    """What a header says of its orders and is not so; a file and each part of it have one.

    The control sum is over all currencies, as ISO 20022 demands. One that cannot be read is wrong.
    """
    count, control_sum = header.text("NbOfTxs"), header.text("CtrlSum")
    if count and count.lstrip("0") != str(len(orders)).lstrip("0"):
        return "number_of_transactions"
    if control_sum:
        stated = _sum([control_sum])
        if stated is None or stated != _sum([order.text("Amt/InstdAmt") for order in orders]):
            return "control_sum"
    return None


def _payout(order: _Node, merchant: str | None) -> PayoutBody | str:
    """One order; its end-to-end id if it cannot be read."""
    reference = order.text("PmtId/EndToEndId")
    currency = order.attribute("Amt/InstdAmt", "Ccy")
    words = order.text("RmtInf/Ustrd").split()
    named = next((word for word in words if word.startswith("mer_")), "")
    given = {
        "reference": reference,
        "merchant": merchant or named,
        "amount": to_minor(order.text("Amt/InstdAmt"), currency),
        "currency": currency,
        "iban": order.text("CdtrAcct/Id/IBAN"),
        "name": order.text("Cdtr/Nm"),
    }
    try:
        return msgspec.convert(given, PayoutBody)
    except msgspec.ValidationError:
        return reference


def to_minor(text: str, currency: str) -> int | None:
    """The minor units of a decimal amount; none if it is no amount of the currency."""
    exponent = EXPONENTS.get(currency)
    whole, _, fraction = text.partition(".")
    if exponent is None or not whole.isdecimal() or len(text) > _DIGITS_MAX:
        return None
    if fraction and (not fraction.isdecimal() or fraction[exponent:].strip("0")):
        return None
    return int(whole + fraction[:exponent].ljust(exponent, "0"))


def _sum(amounts: list[str]) -> Decimal | None:
    """The sum of the amounts as they are written; none if one of them is no amount."""
    if any(_AMOUNT.fullmatch(text) is None for text in amounts):
        return None
    return sum(map(Decimal, amounts), Decimal())


def take(
    unit: Unit, upload: Upload, fingerprint: str, fingerprints: Sequence[str]
) -> PayoutFileRecord:
    """Accept a file's payouts, all of them or none, once under its message id.

    Args:
        fingerprints: one for each payout, the same as if it came by itself.

    Raises:
        Refused: another file used the message id.
    """
    known = unit.find_repeated(PayoutFileRecord, upload.message_id, fingerprint)
    if known is not None:
        return known
    reason = upload.fault
    made: list[str] = []
    rejected: dict[str, str] = {}
    file_id = unit.name(PayoutFileRecord)
    merchants = set()
    orders = () if reason is not None else zip(upload.payouts, fingerprints, strict=True)
    for order, mark in orders:
        if isinstance(order, str):
            rejected[order] = "not_understood"
            continue
        try:
            payout = bank_commands.pay_out(unit, order, None, mark, file=file_id)
        except RequestRefused as refused:
            rejected[order.reference] = refused.code
            continue
        merchants.add(order.merchant)
        made.append(order.reference)
        if payout.status == "declined":
            rejected[order.reference] = payout.decline_code or "declined"
    file = PayoutFileRecord(
        id=file_id,
        reference=upload.message_id,
        merchant=merchants.pop() if len(merchants) == 1 else "",
        created_at=unit.now,
        status=_status(reason, made, rejected),
        count=len(upload.payouts),
        payouts=tuple(made),
        rejected=rejected,
        reason=reason,
    )
    unit.add(file, fingerprint)
    return file


def _status(reason: str | None, made: list[str], rejected: dict[str, str]) -> FileStatus:
    if reason is not None or (rejected and not set(made) - rejected.keys()):
        return "rejected"
    return "partially_accepted" if rejected else "accepted"


def report_by_id(unit: Unit, file_id: str) -> dict[str, object]:
    """Report the state of a file, by its id.

    Raises:
        Refused: there is no such file.
    """
    row = unit.execute("find_reference", {"id": Ids.number(file_id)}).fetchone()
    return report(unit, unit.get(PayoutFileRecord, "" if row is None else row[0]))


def report(unit: Unit, file: PayoutFileRecord) -> dict[str, object]:
    """Report the state of a file and of each payout in it, in the codes of pain.002."""
    payouts = [_report(unit.get(PayoutRecord, reference)) for reference in file.payouts]
    payouts += [
        {"reference": reference, "status": "RJCT", "reason": reason}
        for reference, reason in file.rejected.items()
        if reference not in set(file.payouts)
    ]
    return {
        "id": file.id,
        "message_id": file.reference,
        "status": _FILE_CODES[file.status],
        "reason": file.reason,
        "count": file.count,
        "created_at": file.created_at,
        "payouts": payouts,
    }


def _report(payout: PayoutRecord) -> dict[str, object]:
    return {
        "reference": payout.reference,
        "status": _PAYOUT_CODES[payout.status],
        "payout_status": payout.status,
        "reason": payout.decline_code,
    }
