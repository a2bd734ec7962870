"""Example bodies for the documentation; a test sends each of them."""

from typing import Any, Final

_ACCOUNT = "acct_01j9x6f9k2e6s8v3b7d5m4n1qz"
_OTHER_ACCOUNT = "acct_01j9x6f9k2e6s8v3b7d5m4n1r0"
_PAYMENT = "pay_01j9x6f9k2e6s8v3b7d5m4n1qz"
_BANK_ACCOUNT = "ba_01j9x6f9k2e6s8v3b7d5m4n1qz"
_CUSTOMER = "cus_01j9x6f9k2e6s8v3b7d5m4n1qz"
_METHOD = "pm_01j9x6f9k2e6s8v3b7d5m4n1qz"
_MERCHANT = "mer_01j9x6f9k2e6s8v3b7d5m4n1qz"

_CREATE: dict[str, Any] = {
    "amount": 1234,
    "currency": "USD",
    "payment_method": {"type": "wallet", "account": _ACCOUNT},
    "capture": "automatic",
    "description": "One stick of suya",
    "metadata": {"order": "6735"},
}

BODIES: Final[dict[str, Any]] = {
    "BulkPayment": _CREATE | {"idempotency_key": "order-6735"},
    "CreateAccount": {"currency": "USD", "customer": "ada", "metadata": {}},
    "CreateApiKey": {"merchant": _MERCHANT, "name": "till", "scopes": ["read", "write"]},
    "CreateBankAccount": {"iban": "DE89 3704 0044 0532 0130 00", "name": "Ada Obi"},
    "CreateCapture": {"amount": 200, "final": False},
    "CreateCustomer": {"name": "Ada", "email": "ada@example.com", "phone": "+2348012345678"},
    "CreateDeposit": {"account": _ACCOUNT, "amount": 100_000, "currency": "USD"},
    "CreateFeePlan": {
        "merchant": _MERCHANT,
        "rail": "card",
        "currency": "USD",
        "bps": 250,
        "fixed": 20,
        "max": 5_000,
        "refunded": True,
    },
    "CreateEvidence": {"text": "The suya was eaten at table 7, and the bill is signed."},
    "CreateMerchant": {"name": "Suya stall", "mode": "test", "fee_bps": 290, "fee_fixed": 30},
    "ChangeLimits": {"negative_balance_limit": 100_000},
    "CreatePayment": _CREATE,
    "CreateQuote": {"source_currency": "USD", "target_currency": "EUR", "source_amount": 10_000},
    "CreatePayout": {"amount": 25_000, "currency": "EUR", "bank_account": _BANK_ACCOUNT},
    "CreatePaymentMethod": {"token": _METHOD, "customer": _CUSTOMER},
    "CreateRefund": {"payment": _PAYMENT, "amount": 60},
    "CreateTransfer": {
        "currency": "USD",
        "entries": [
            {"account": _ACCOUNT, "direction": "debit", "amount": 500},
            {"account": _OTHER_ACCOUNT, "direction": "credit", "amount": 500},
        ],
    },
    "FeeTerms": {"bps": 220, "fixed": 20},
    "Nothing": {},
    "UpdateCustomer": {"description": "Likes it hot", "phone": None},
}
