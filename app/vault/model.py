"""Cards: which are accepted, what may be shown, and who used them. Pure."""

import re
from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta
from stdnum import luhn

from app.vault.errors import CardExpired, InvalidCardNumber, InvalidSecurityCode

Actor = Literal["client", "api", "processors"]
"""Who used a card: the holder of a publishable key, the api, an adapter of a processor."""
Action = Literal["tokenize", "describe", "compare", "forward"]

BIN_DIGITS: Final = 6
LAST_DIGITS: Final = 4
"""How much of a number may be shown. Source: PCI DSS v4.0.1, 3.4.1."""
NUMBER_LENGTH_MAX: Final = 40  # with a separator after each digit
NAME_LENGTH_MAX: Final = 100
_MONTHS: Final = 12
_YEARS_MAX: Final = 50  # no card is valid for longer: it is a mistake


class Brand(NamedTuple):
    """A card brand: the beginnings of its numbers, their lengths, and its security code."""

    name: str
    pattern: re.Pattern[str]
    cvc_digits: int


# The first that fits counts. Source: ISO/IEC 7812 ranges as the networks publish them.
BRANDS: Final = (
    Brand("visa", re.compile(r"4(?:\d{12}|\d{15}|\d{18})"), 3),
    Brand("amex", re.compile(r"3[47]\d{13}"), 4),
    Brand("mastercard", re.compile(r"(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)"
                                   r"\d{12}"), 3),
    Brand("diners", re.compile(r"3(?:0[0-5]\d{11}|095\d{10}|[68]\d{12}|9\d{12})"), 3),
    Brand("discover", re.compile(r"6(?:011\d{12}|4[4-9]\d{13}|5\d{14})"), 3),
    Brand("jcb", re.compile(r"35(?:2[89]|[3-8]\d)\d{12}"), 3),
    Brand("verve", re.compile(r"(?:506[01]|507[89]|6500)\d{12}(?:\d{3})?"), 3),
    Brand("unionpay", re.compile(r"62\d{14,17}"), 3),
    Brand("maestro", re.compile(r"(?:5[06-8]|6\d)\d{11,17}"), 3),
)  # fmt: skip


class CardInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /tokens."""

    number: Annotated[str, Meta(max_length=NUMBER_LENGTH_MAX)]
    exp_month: int
    exp_year: int
    cvc: str | None = None
    name: Annotated[str, Meta(max_length=NAME_LENGTH_MAX)] | None = None

    def __repr__(self) -> str:
        return "CardInput(***)"


class Card(msgspec.Struct, frozen=True):
    """The encrypted part of a card."""

    number: str
    name: str | None = None

    def __repr__(self) -> str:
        return "Card(***)"


class CardRow(msgspec.Struct, frozen=True):
    """A card as the database has it, with the key that opens it."""

    id: UUID
    merchant_id: UUID
    key_id: UUID
    sealed: bytes
    fingerprint: bytes
    brand: str
    bin: str
    last4: str
    exp_month: int
    exp_year: int
    created_at: datetime
    wrapped: bytes
    wrapped_by: str


class Use(msgspec.Struct, frozen=True):
    """One use of a card."""

    merchant_id: UUID
    card_id: UUID
    id: UUID
    actor: Actor
    action: Action
    destination: str
    """Of a forward: the address that got the number, without its query."""
    correlation_id: str
    used_at: datetime


def read_number(text: str) -> tuple[str, Brand]:
    """The digits and the brand of a card number.

    Raises:
        InvalidCardNumber
    """
    digits = text.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdecimal() and luhn.is_valid(digits)):
        raise InvalidCardNumber(why="its check digit does not fit")
    for brand in BRANDS:
        if brand.pattern.fullmatch(digits):
            return digits, brand
    raise InvalidCardNumber(why="no brand has such numbers")


def check_expiry(month: int, year: int, now: datetime) -> None:
    """Check that the card's last month is not over.

    Raises:
        CardExpired
    """
    last = (now.year + _YEARS_MAX, _MONTHS)
    if not 1 <= month <= _MONTHS or not (now.year, now.month) <= (year, month) <= last:
        raise CardExpired


def check_cvc(cvc: str | None, brand: Brand) -> None:
    """Check that a security code has the brand's length; no code is always accepted.

    Raises:
        InvalidSecurityCode
    """
    if cvc is None:
        return
    if not (cvc.isascii() and cvc.isdecimal() and len(cvc) == brand.cvc_digits):
        raise InvalidSecurityCode(digits=brand.cvc_digits)
