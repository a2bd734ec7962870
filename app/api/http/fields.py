"""What bodies are made of: strict models, unknown fields refused, and the fields they share.

Numbers with a fraction or an exponent are refused even where they are whole (`1.0`, `1e2`), because
a client that sends them computes amounts as floats.
"""

from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from app.base import ids
from app.base.money import AMOUNT_MINOR_MAX, EXPONENTS

METADATA_PAIRS_MAX = 50
METADATA_NAME_MAX = 40
METADATA_VALUE_MAX = 500


def no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL")
    return text


def _known_currency(text: str) -> str:
    if text not in EXPONENTS:
        raise ValueError("is not an ISO 4217 currency code (three capital letters)")
    return text


def _check_metadata(pairs: dict[str, str]) -> dict[str, str]:
    if len(pairs) > METADATA_PAIRS_MAX:
        raise ValueError(f"has more than {METADATA_PAIRS_MAX} pairs")
    for name, value in pairs.items():
        if not 1 <= len(name) <= METADATA_NAME_MAX:
            raise ValueError(f"has a name that is not 1 to {METADATA_NAME_MAX} characters long")
        if len(value) > METADATA_VALUE_MAX:
            raise ValueError(f"has a value longer than {METADATA_VALUE_MAX} characters")
        no_nul(name)
        no_nul(value)
    # Sorted, so that the same pairs in another order are the same request.
    return dict(sorted(pairs.items())) if len(pairs) > 1 else pairs


def _reader(kind: str) -> BeforeValidator:
    def read(value: Any) -> UUID:
        if isinstance(value, str):
            try:
                return ids.decode(kind, value)
            except ids.MalformedId:
                pass
        raise ValueError(f"is not the id of a {kind} ({ids.PREFIXES[kind]}_ and 26 characters)")

    return BeforeValidator(read)


def _shape(kind: str) -> WithJsonSchema:
    pattern = f"^{ids.PREFIXES[kind]}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"
    return WithJsonSchema({"type": "string", "pattern": pattern})


AccountId: TypeAlias = Annotated[UUID, _reader("account"), _shape("account")]
BankAccountId: TypeAlias = Annotated[UUID, _reader("bank_account"), _shape("bank_account")]
PaymentId: TypeAlias = Annotated[UUID, _reader("payment"), _shape("payment")]
PaymentMethodId: TypeAlias = Annotated[UUID, _reader("payment_method"), _shape("payment_method")]
QuoteId: TypeAlias = Annotated[UUID, _reader("fx_quote"), _shape("fx_quote")]
CustomerId: TypeAlias = Annotated[UUID, _reader("customer"), _shape("customer")]
MerchantId: TypeAlias = Annotated[UUID, _reader("merchant"), _shape("merchant")]


Amount = Annotated[
    int,
    Field(gt=0, le=AMOUNT_MINOR_MAX, description="Minor units of the currency.", examples=[1234]),
]
Currency = Annotated[
    str,
    AfterValidator(_known_currency),
    Field(description="ISO 4217 code.", examples=["USD"]),
    WithJsonSchema({"type": "string", "enum": sorted(EXPONENTS)}),
]
Text = Annotated[str, AfterValidator(no_nul), Field(min_length=1, max_length=255)]
Description = Annotated[str, AfterValidator(no_nul), Field(max_length=1000)]
Metadata = Annotated[
    dict[str, str],
    AfterValidator(_check_metadata),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": METADATA_PAIRS_MAX,
            "propertyNames": {"minLength": 1, "maxLength": METADATA_NAME_MAX},
            "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE_MAX},
        }
    ),
]


class Body(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Nothing(Body):
    """An empty body."""
