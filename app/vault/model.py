"""Cards: which are accepted, what may be shown, and who used them. Pure."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.base.issuers import find_brand, passes_luhn
from app.base.modes import Mode
from app.vault.errors import CardExpired, InvalidCardNumber, InvalidExpiry, InvalidSecurityCode

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
_YEAR_MIN: Final = 1950  # before the first card
_CENTURY: Final = 100


_CVC_DIGITS: Final = {"amex": 4}
"""Brand -> digits of its security codes; all others have three."""
_CVC_DIGITS_USUAL: Final = 3


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
    mode: Mode
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


def read_number(text: str) -> tuple[str, str]:
    """The digits and the brand of a card number.

    Raises:
        InvalidCardNumber
    """
    digits = text.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdecimal() and passes_luhn(digits)):
        raise InvalidCardNumber(why="its check digit does not fit")
    brand = find_brand(digits)
    if brand is None:
        raise InvalidCardNumber(why="no brand has such numbers")
    return digits, brand


def read_expiry(month: int, year: int, now: datetime) -> tuple[int, int]:
    """The card's last month and its year; a year of two digits, as on the card, is of this century.

    Raises: (the first that applies)
        InvalidExpiry: there is no such month or year.
        CardExpired: the month is over.
    """
    if 0 <= year < _CENTURY:
        year += now.year // _CENTURY * _CENTURY
    if not 1 <= month <= _MONTHS:
        raise InvalidExpiry(field="exp_month", expected="1 to 12")
    if not _YEAR_MIN <= year <= now.year + _YEARS_MAX:
        expected = f"the year, such as {now.year + 2}, at most {now.year + _YEARS_MAX}"
        raise InvalidExpiry(field="exp_year", expected=expected)
    if (year, month) < (now.year, now.month):
        raise CardExpired
    return month, year


def check_cvc(cvc: str | None, brand: str) -> None:
    """Check that a security code has the brand's length; no code is always accepted.

    Raises:
        InvalidSecurityCode
    """
    digits = _CVC_DIGITS.get(brand, _CVC_DIGITS_USUAL)
    if cvc is not None and not (cvc.isascii() and cvc.isdecimal() and len(cvc) == digits):
        raise InvalidSecurityCode(digits=digits)
