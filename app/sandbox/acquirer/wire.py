"""The bodies of requests to the sandbox, and its refusals."""

from typing import Annotated

from msgspec import Meta, Struct

from app.base.money import AMOUNT_MINOR_MAX, EXPONENTS

# References are parts of paths; Suya's are TypeIDs of 30 characters.
REFERENCE_PATTERN = r"^[A-Za-z0-9_.:\-]{1,64}$"

Reference = Annotated[str, Meta(pattern=REFERENCE_PATTERN)]
Amount = Annotated[int, Meta(gt=0, le=AMOUNT_MINOR_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=140)]  # the longest name in ISO 20022
EVIDENCE_CHARACTERS_MAX = 20_000  # some pages; files are not accepted


class RequestRefused(Exception):
    """The sandbox refuses a request, which changed nothing."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail


class RequestBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of every request that acts: the reference under which it acts once."""

    reference: Reference


class CardGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """A card, which is known for the length of one request only."""

    number: Annotated[str, Meta(max_length=32)]
    exp_month: Annotated[int, Meta(ge=1, le=12)]
    exp_year: Annotated[int, Meta(ge=2000, le=2100)]
    cvc: Annotated[str, Meta(max_length=4)] | None = None

    def __repr__(self) -> str:
        """Without the number, whatever prints it."""
        return "CardGiven(***)"


class AuthorizationBody(RequestBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    merchant: Reference
    amount: Amount
    currency: str
    capture: bool
    card: CardGiven


class CaptureBody(RequestBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount: Amount
    final: bool = False


class ReversalBody(RequestBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    refund_captured: bool = False


class RefundBody(RequestBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    authorization: Reference
    amount: Amount


class BankTransferBody(RequestBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    merchant: Reference
    amount: Amount
    currency: str


class PayoutBody(RequestBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    merchant: Reference
    amount: Amount
    currency: str
    iban: Annotated[str, Meta(max_length=42)]  # 34 characters, and blanks between groups of four
    name: Name


class EvidenceBody(RequestBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=EVIDENCE_CHARACTERS_MAX)]


def check_currency(currency: str) -> None:
    """Check that the currency is known.

    Raises:
        Refused: it is not.
    """
    if currency not in EXPONENTS:
        raise RequestRefused(400, "unknown_currency", "The currency is not one of ISO 4217.")
