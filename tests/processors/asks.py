"""Requests to processors, as the flows make them."""

from typing import Any

from app.base import ids
from app.processors import (
    AskAuthorization,
    AskBankTransfer,
    AskCapture,
    AskPayout,
    AskRefund,
    AskReversal,
    TokenizedCard,
)

MERCHANT = "mer_01h455vb4pex5vsknk084sn02q"


def _common(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    common = {
        "reference": ids.encode(kind, ids.new()),
        "merchant": MERCHANT,
        "correlation_id": "journey-1",
        "currency": "EUR",
    }
    return common | fields


def authorization(**fields: Any) -> AskAuthorization:
    given = {"amount_minor": 1234, "capture": False, "card": TokenizedCard("pm_1", "visa")}
    return AskAuthorization(**_common("payment", given | fields))


def capture(**fields: Any) -> AskCapture:
    given = {
        "amount_minor": 1234,
        "authorization": "pay_1",
        "processor_reference": None,
        "final": True,
    }
    return AskCapture(**_common("capture", given | fields))


def reversal(**fields: Any) -> AskReversal:
    given = {"authorization": "pay_1", "processor_reference": None}
    return AskReversal(**_common("reversal", given | fields))


def refund(**fields: Any) -> AskRefund:
    given = {"amount_minor": 1234, "authorization": "pay_1", "processor_reference": None}
    return AskRefund(**_common("refund", given | fields))


def bank_transfer(**fields: Any) -> AskBankTransfer:
    return AskBankTransfer(**_common("payment", {"amount_minor": 1234} | fields))


def payout(**fields: Any) -> AskPayout:
    given = {"amount_minor": 1234, "iban": "DE89370400440532013000", "name": "Ada Lovelace"}
    return AskPayout(**_common("payout", given | fields))
