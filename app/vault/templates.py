"""Requests with card data: which there are, and how each is filled in. Pure.

A caller names a processor and an operation, and gives values for the fields below; the path, the
headers and the place of the card in the body are written here. So no caller chooses where a number
goes, nor what stands around it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple, Protocol, TypeAlias
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from app.base.money import AMOUNT_MINOR_MAX
from app.base.pan import scrub
from app.vault.errors import InvalidCardRequest, OperationUnknown

STRIPE_VERSION: Final = "2026-10-28.endive"
"""Of Stripe's interface: that of the library with which the adapter uses the payment method."""
_FAULT_LENGTH_MAX: Final = 100  # a name and a value of 64 characters

Reference: TypeAlias = Annotated[str, Meta(pattern=r"^pay_[0-7][0-9a-hjkmnp-tv-z]{25}\Z")]
"""Suya's id of a payment."""
Amount: TypeAlias = Annotated[int, Meta(ge=1, le=AMOUNT_MINOR_MAX)]
"""In minor units."""
Currency: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
"""ISO 4217."""
Fault: TypeAlias = Annotated[
    str, Meta(pattern=r"^[a-z0-9_]+(:[a-z0-9_-]{1,64})?\Z", max_length=_FAULT_LENGTH_MAX)
]
"""A fault of the sandbox's acquirer, such as `decline:insufficient_funds`."""


class CardData(NamedTuple):
    """What a processor gets of a card."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str | None

    def __repr__(self) -> str:
        return "CardData(***)"


class Sender(NamedTuple):
    """For whom a request is sent."""

    merchant: str
    """`mer_...`"""
    correlation_id: str
    key: str
    """The key that the processor expects."""

    def __repr__(self) -> str:
        return "Sender(***)"


class Outgoing(NamedTuple):
    """A request to a processor, filled in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Outgoing({self.path})"


class Template(Protocol):
    """The fields of an operation, which it fills in."""

    def fill(self, card: CardData, sender: Sender) -> Outgoing:
        """The request with the card."""
        ...


class AuthorizeAtAcquirer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Authorize a payment."""

    reference: Reference
    amount: Amount
    currency: Currency
    capture: bool
    sandbox_fault: Fault | None = None

    def fill(self, card: CardData, sender: Sender) -> Outgoing:
        content = {
            "reference": self.reference,
            "merchant": sender.merchant,
            "amount": self.amount,
            "currency": self.currency,
            "capture": self.capture,
            "card": {
                "number": card.number,
                "exp_month": card.exp_month,
                "exp_year": card.exp_year,
                "cvc": card.cvc,
            },
        }
        headers = _headers(sender, "application/json")
        if self.sandbox_fault is not None:
            headers["Sandbox-Fault"] = self.sandbox_fault
        return Outgoing("/v1/authorizations", headers, msgspec.json.encode(content))


class CreateMethodAtStripe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make a payment method of a card, which moves no money and has no fields."""

    def fill(self, card: CardData, sender: Sender) -> Outgoing:
        form = {
            "type": "card",
            "card[number]": card.number,
            "card[exp_month]": card.exp_month,
            "card[exp_year]": card.exp_year,
        }
        if card.cvc is not None:
            form["card[cvc]"] = card.cvc  # Stripe refuses an empty one
        headers = _headers(sender, "application/x-www-form-urlencoded")
        headers["Stripe-Version"] = STRIPE_VERSION
        return Outgoing("/v1/payment_methods", headers, urlencode(form).encode())


TEMPLATES: Final[Mapping[tuple[str, str], type[Template]]] = {
    ("acquirer", "authorize"): AuthorizeAtAcquirer,
    ("stripe", "create_payment_method"): CreateMethodAtStripe,
}
"""(processor, operation) -> its template; there are no others."""


def read_template(processor: str, operation: str, fields: msgspec.Raw) -> Template:
    """The template of an operation with the values of its fields.

    Raises: (the first that applies)
        OperationUnknown
        InvalidCardRequest: a field is missing, unknown, or has not its form.
    """
    kind = TEMPLATES.get((processor, operation))
    if kind is None:
        raise OperationUnknown
    try:
        return msgspec.json.decode(fields, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidCardRequest(reason=scrub(re.sub(r"`\$", "`$.fields", str(error)))) from None


def _headers(sender: Sender, content_type: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {sender.key}",
        "Content-Type": content_type,
        "X-Request-Id": sender.correlation_id,
    }
