"""Test cards and magic amounts: numbers that stand for behaviors and faults."""

from datetime import datetime

from msgspec import Struct

from app.base.issuers import find_brand, passes_luhn
from app.sandbox.acquirer.wire import CardGiven


class Behavior(Struct, frozen=True):
    """What a card does."""

    decline_code: str | None = None
    requires_action: bool = False
    disputed: bool = False
    """Whether its payer disputes what is captured."""


TEST_CARDS = {
    "4242424242424242": Behavior(),
    "5555555555554444": Behavior(),
    "378282246310005": Behavior(),
    "4000000000000002": Behavior(decline_code="generic_decline"),
    "4000000000009995": Behavior(decline_code="insufficient_funds"),
    "4000000000000259": Behavior(disputed=True),
    "4000000000003220": Behavior(requires_action=True),
    # Suya's own fraud check stops it; if it gets through, its bank declines it.
    "4100000000000019": Behavior(decline_code="fraudulent"),
    "4000000000000069": Behavior(decline_code="expired_card"),
    "4000000000000127": Behavior(decline_code="incorrect_cvc"),
    "4000000000000119": Behavior(decline_code="processing_error"),
}
"""Number -> what the card does; any other number that passes the check digit is approved."""

MAGIC_AMOUNTS = {
    990001: "timeout_after",
    990002: "timeout_before",
    990003: "500_after",
    990004: "500_before",
    990005: "drop_after",
    990006: "drop_before",
    990007: "slow:5",
    990008: "late:5",
    990011: "late_decline:5",
    990012: "late_approval:5",
    990013: "decline:generic_decline",
    990014: "decline:insufficient_funds",
    990015: "requires_action",
    990016: "dispute",
    990017: "fails_later",
    990018: "never",
    990019: "refuse:unprocessable",
    990021: "duplicate:2",
    990022: "wrong_settlement:1",
}
"""Amount in minor units, of any currency -> the fault that it stands for."""

_ANY = Behavior()
_NUMBER_DIGITS = range(12, 20)  # ISO/IEC 7812
_EXPIRED = Behavior(decline_code="expired_card")
_INCORRECT = Behavior(decline_code="incorrect_number")


def behavior(card: CardGiven, now: datetime) -> Behavior:
    """How `card` behaves: first a wrong number, then a passed date, then the number's behavior."""
    number = card.number
    is_number = number.isascii() and number.isdecimal() and len(number) in _NUMBER_DIGITS
    if not (is_number and passes_luhn(number)):
        return _INCORRECT
    # A card is valid to the end of its month.
    if (card.exp_year, card.exp_month) < (now.year, now.month):
        return _EXPIRED
    return TEST_CARDS.get(number, _ANY)


def brand(number: str) -> str:
    """The card network by the number's beginning and length."""
    return find_brand(number) or "unknown"
