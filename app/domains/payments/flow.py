"""The flows of payments. A payment from a wallet ends with the first step."""

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
)
from app.domains.payments.steps import (
    capture_payments,
    open_payments,
    refund_payments,
    release_payments,
)
from app.engine.saga import Saga

AUTHORIZATION = Saga(
    open_payments,  # claim the key, hold the funds
    ask_authorization,  # keyed by our payment id; nothing is open
    book_authorizations,  # post or void the hold, answer the key
    undo=ask_reversal,
)

CAPTURE = Saga(capture_payments, ask_capture, book_captures)

CANCELLATION = Saga(release_payments, ask_cancellation, book_cancellations)

REFUND = Saga(refund_payments, ask_refund, book_refunds)
