"""What clients may send: strict models, unknown fields refused.

Numbers with a fraction or an exponent are refused even where they are whole (`1.0`, `1e2`), because
a client that sends them computes amounts as floats.
"""

import hashlib
from typing import Annotated, Any, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from app.base import iban, ids
from app.base.money import AMOUNT_MINOR_MAX, EXPONENTS
from app.base.settings import REGION_PATTERN

METADATA_PAIRS_MAX = 50
METADATA_NAME_MAX = 40
METADATA_VALUE_MAX = 500
BULK_ITEMS_MAX = 10_000
EVIDENCE_MAX = 10_000  # characters; what a dispute takes in all
ENTRIES_MAX = 100  # a transfer that touches more accounts would hold too many locks


def _no_nul(text: str) -> str:
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
        _no_nul(name)
        _no_nul(value)
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
Token: TypeAlias = Annotated[UUID, _reader("payment_method"), _shape("payment_method")]
MerchantId: TypeAlias = Annotated[UUID, _reader("merchant"), _shape("merchant")]


def _check_iban(text: str) -> str:
    try:
        return iban.parse(text)
    except ValueError:
        raise ValueError("is not an IBAN: a digit is wrong, or its form") from None


def _veil(number: str) -> str:
    # Requests are kept under their keys, and only have to be told apart.
    return hashlib.sha256(number.encode()).hexdigest()


Iban = Annotated[
    str,
    Field(min_length=15, max_length=42, description="Of any country; spaces do not matter."),
    AfterValidator(_check_iban),
    PlainSerializer(_veil),
]
OwnerName = Annotated[str, AfterValidator(_no_nul), Field(min_length=1, max_length=140)]
"""What ISO 20022 has room for."""

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
Text = Annotated[str, AfterValidator(_no_nul), Field(min_length=1, max_length=255)]
Description = Annotated[str, AfterValidator(_no_nul), Field(max_length=1000)]
Email = Annotated[
    str,
    AfterValidator(_no_nul),
    Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$", examples=["ada@example.com"]),
]
Phone = Annotated[
    str,
    Field(pattern=r"^\+[0-9]{6,15}$", description="E.164.", examples=["+2348012345678"]),
]
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


class Wire(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Nothing(Wire):
    """An empty body."""


class WalletMethod(Wire):
    """The payer pays from a wallet."""

    type: Literal["wallet"]
    account: AccountId


class CardMethod(Wire):
    """The payer pays by a card that is in the vault."""

    type: Literal["card"]
    id: PaymentMethodId


class BankTransferMethod(Wire):
    """The payer orders a transfer at a bank; it is taken as a whole when it has come."""

    type: Literal["bank_transfer"]


PaymentMethod = Annotated[
    WalletMethod | CardMethod | BankTransferMethod, Field(discriminator="type")
]


class CreatePayment(Wire):
    """Take a payment, or authorize it for a later capture."""

    amount: Amount
    currency: Currency
    payment_method: PaymentMethod
    capture: Literal["automatic", "manual"] = "automatic"
    fx_quote: QuoteId | None = None
    description: Description | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _check_capture(self) -> Self:
        # Money that has come is there: nothing can be authorized and taken later, or let go.
        if self.capture == "manual" and self.payment_method.type == "bank_transfer":
            raise ValueError("takes capture 'manual' only from a wallet or a card")
        return self

    @model_validator(mode="after")
    def _check_quote(self) -> Self:
        # A quote holds for a minute; an authorization for a week, and a bank transfer for days.
        if self.fx_quote is not None and self.capture == "manual":
            raise ValueError("takes an fx_quote only with capture 'automatic'")
        if self.fx_quote is not None and self.payment_method.type == "bank_transfer":
            raise ValueError("takes an fx_quote only from a wallet or a card")
        return self


class BulkPayment(CreatePayment):
    """One payment of a bulk request, with its own key."""

    idempotency_key: Annotated[str, Field(min_length=1, max_length=255)]


class CreateCapture(Wire):
    """Capture an authorized payment."""

    amount: Amount | None = None
    final: bool = False


class CreateRefund(Wire):
    """Give money back."""

    payment: PaymentId
    amount: Amount | None = None
    description: Description | None = None
    metadata: Metadata = {}


class CreateEvidence(Wire):
    """Add a text as evidence; a file is sent as a form instead."""

    text: Annotated[str, AfterValidator(_no_nul), Field(min_length=1, max_length=EVIDENCE_MAX)]


class CreateAccount(Wire):
    """Open a customer's wallet."""

    currency: Currency
    customer: Text | None = None
    description: Description | None = None
    metadata: Metadata = {}


class CreateDeposit(Wire):
    """Bring sandbox money into a wallet."""

    account: AccountId
    amount: Amount
    currency: Currency
    description: Description | None = None
    metadata: Metadata = {}


class TransferEntry(Wire):
    """One entry of a transfer."""

    account: AccountId
    direction: Literal["debit", "credit"]
    amount: Amount


class CreateTransfer(Wire):
    """Move money between wallets: debits take from wallets, credits give.

    Either all of them hold one `currency`, or a quote converts: then there are two entries, one
    debit of its source amount and one credit of its target amount.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["currency"]}, {"required": ["fx_quote"]}]}
    )

    currency: Currency | None = None
    fx_quote: QuoteId | None = None
    entries: Annotated[list[TransferEntry], Field(min_length=2, max_length=ENTRIES_MAX)]
    description: Description | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _check_currencies(self) -> Self:
        if (self.currency is None) == (self.fx_quote is None):
            raise ValueError("needs either a currency or an fx_quote")
        return self


class CreateQuote(Wire):
    """Ask for a rate that holds for a while, for one of the two amounts."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["source_amount"]}, {"required": ["target_amount"]}]
        }
    )

    source_currency: Currency
    target_currency: Currency
    source_amount: Amount | None = None
    target_amount: Amount | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _check_amounts(self) -> Self:
        if (self.source_amount is None) == (self.target_amount is None):
            raise ValueError("needs either a source_amount or a target_amount")
        return self


class CreateBankAccount(Wire):
    """Say where payouts may go."""

    iban: Iban
    name: OwnerName
    metadata: Metadata = {}


class CreatePayout(Wire):
    """Pay out available money."""

    amount: Amount
    currency: Currency
    bank_account: BankAccountId
    description: Description | None = None
    metadata: Metadata = {}


class CreateCustomer(Wire):
    """Record a customer."""

    name: Text | None = None
    email: Email | None = None
    phone: Phone | None = None
    description: Description | None = None
    metadata: Metadata = {}


class UpdateCustomer(Wire):
    """Change the fields that are given; `null` empties one."""

    name: Text | None = None
    email: Email | None = None
    phone: Phone | None = None
    description: Description | None = None
    metadata: Metadata = {}

    def model_dump_json(self, **options: Any) -> str:
        """Only what was given: a field that is `null` and one that is absent differ."""
        return super().model_dump_json(exclude_unset=True, **options)


class CreatePaymentMethod(Wire):
    """Register a card by its token."""

    token: Token
    customer: CustomerId | None = None


class CreateMerchant(Wire):
    """Record a merchant."""

    name: Text
    home_region: Annotated[str, Field(pattern=REGION_PATTERN)] | None = None
    mode: Literal["test", "live"] = "test"
    fee_bps: Annotated[int, Field(ge=0, le=10_000)] = 290
    fee_fixed: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] = 30


class FeeTerms(Wire):
    """What payments cost under a fee plan."""

    bps: Annotated[int, Field(ge=0, le=10_000)]
    fixed: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] = 0
    min: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] = 0
    max: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] | None = None
    refunded: bool = False

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError("has a max below its min")
        return self


class CreateFeePlan(FeeTerms):
    """Bring a fee plan into force for a merchant's payments on a rail, in a currency, or on all."""

    merchant: MerchantId
    rail: Literal["wallet", "card", "bank_transfer"] | None = None
    currency: Currency | None = None


class CreateApiKey(Wire):
    """Make a key for a merchant."""

    merchant: MerchantId
    name: Text = "default"
    scopes: Annotated[list[Literal["read", "write"]], Field(min_length=1, max_length=2)] = [
        "read",
        "write",
    ]
