"""Files for the bank: SEPA credit transfers as ISO 20022 pain.001 text. Pure.

Source: ISO 20022 pain.001.001.03 and the SEPA credit transfer guidelines (EPC132-08): names in the
characters a-z, 0-9 and a few signs, no longer than 70.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from xml.etree import ElementTree as ET

import msgspec
from sepaxml import SepaTransfer  # type: ignore[import-untyped]
from sepaxml.validation import ValidationError, try_valid_xml  # type: ignore[import-untyped]
from text_unidecode import unidecode  # type: ignore[import-untyped]

from app.base import iban
from app.base.errors import InvariantViolated

SCHEMA: Final = "pain.001.001.03"
"""The version that banks in the euro area have taken for longest."""

_STRANGE = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]+")

_NAME_LENGTH_MAX = 70

AMOUNT_MINOR_MAX: Final = 99_999_999_999
"""999,999,999.99 euros: what the guidelines have room for."""

_UNNAMED = "NOTPROVIDED"  # SEPA's own word where there is none


class Order(msgspec.Struct, frozen=True):
    """One credit transfer."""

    reference: str
    """Ours; the bank acts once under it (EndToEndId, 35 characters at most)."""
    merchant: str
    """`mer_...`; comes back in notifications, so that they are understood without a search."""
    amount_minor: int
    """Euro cents."""
    iban: str
    name: str


class Debtor(msgspec.Struct, frozen=True):
    """Who pays."""

    name: str
    iban: str


def find_fault(order: Order) -> str | None:
    """Why a file with this order would be no file of the scheme; none: the order may go.

    Says nothing of the account's number, because logs and notes are no place for it.
    """
    try:
        number = iban.parse(order.iban)
    except ValueError:
        return "the number of its bank account is no IBAN"
    if number != order.iban:
        return "the number of its bank account is not written as files have it"
    if not iban.is_in_sepa(number):
        return "SEPA does not reach its bank account"
    if not 0 < order.amount_minor <= AMOUNT_MINOR_MAX:
        return "SEPA moves no such amount"
    return None


def make_file(
    orders: Sequence[Order], debtor: Debtor, *, message_id: str, day: date, made_at: datetime
) -> str:
    """The text of a file, valid by the scheme's own XSD; the same for the same arguments.

    Args:
        message_id: by which the bank knows the file; 35 characters at most.
        day: when the bank is to execute it.
    """
    config = {
        "name": sepa_text(debtor.name),
        "IBAN": debtor.iban,
        "batch": True,
        "currency": "EUR",
    }
    transfer = SepaTransfer(config, schema=SCHEMA, clean=False)
    for order in orders:
        transfer.add_payment(
            {
                "name": sepa_text(order.name),
                "IBAN": order.iban,
                "amount": order.amount_minor,
                "execution_date": day,
                "description": f"{order.reference} {order.merchant}",
                "endtoend_id": order.reference,
            }
        )
    return _settled(transfer.export(validate=False), message_id, made_at)


def check_file(text: str) -> None:
    """Check a file by the scheme's own XSD; it takes a second.

    Raises:
        InvariantViolated: it is not as the scheme wants it.
    """
    try:
        try_valid_xml(text.encode(), SCHEMA)
    except ValidationError as error:
        # The path alone: the cause repeats what stands there, account numbers too.
        path = getattr(error.__cause__, "path", None)
        raise InvariantViolated(f"a file is no {SCHEMA}: see {path}") from None


def sepa_text(text: str) -> str:
    """`text` in the characters that every bank of the euro area reads."""
    plain = " ".join(_STRANGE.sub(" ", unidecode(text)).split())
    return plain[:_NAME_LENGTH_MAX].strip() or _UNNAMED


def _settled(exported: bytes, message_id: str, made_at: datetime) -> str:
    """The text with names and an instant of ours in place of random ones and the local clock's."""
    space = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"
    root = ET.fromstring(exported)  # noqa: S314 - made a moment ago, by ourselves
    for path, value in (
        (f"{space}CstmrCdtTrfInitn/{space}GrpHdr/{space}MsgId", message_id),
        (
            f"{space}CstmrCdtTrfInitn/{space}GrpHdr/{space}CreDtTm",
            made_at.strftime("%Y-%m-%dT%H:%M:%S"),
        ),
        (f"{space}CstmrCdtTrfInitn/{space}PmtInf/{space}PmtInfId", message_id),
    ):
        found = root.find(path)
        assert found is not None
        found.text = value
    ET.register_namespace("", space[1:-1])
    text: str = ET.tostring(root, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
