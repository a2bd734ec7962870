"""The flows of payments. What is all inside the ledger ends with the first step."""

from app.domains.payments.asks import (
    ask_authorization,
    ask_cancellation,
    ask_capture,
    ask_refund,
    ask_reversal,
)
from app.domains.payments.bookings import (
    book_authorizations,
    book_cancellations,
    book_captures,
    book_refunds,
    fail_refunds,
)
from app.domains.payments.commands import (
    CapturePayment,
    FailRefund,
    OpenPayment,
    RefundPayment,
    ReleasePayment,
)
from app.domains.payments.steps import (
    capture_payments,
    open_payments,
    refund_payments,
    release_payments,
)
from app.engine.saga import Saga, atomic, external

AUTHORIZATION: Saga[OpenPayment] = Saga(
    "authorization",
    atomic(open_payments),  # claim the key, hold the funds
    external(ask_authorization, undo=ask_reversal),  # keyed by our payment id; nothing is open
    atomic(book_authorizations),  # post or void the hold, answer the key
)

CAPTURE: Saga[CapturePayment] = Saga(
    "capture",
    atomic(capture_payments),
    external(ask_capture),
    atomic(book_captures),
)

CANCELLATION: Saga[ReleasePayment] = Saga(
    "cancellation",
    atomic(release_payments),
    external(ask_cancellation),
    atomic(book_cancellations),
)

REFUND: Saga[RefundPayment] = Saga(
    "refund",
    atomic(refund_payments),
    external(ask_refund),
    atomic(book_refunds),
)

REFUND_FAILURE: Saga[FailRefund] = Saga("refund_failure", atomic(fail_refunds))
