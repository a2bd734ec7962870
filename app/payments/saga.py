"""The flows of payments. On the wallet rail each is one atomic step."""

from app.payments.commands import (
    capture_payments,
    open_payments,
    refund_payments,
    release_payments,
)
from app.payments.inputs import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.saga import Saga, atomic

PAYMENT: Saga[OpenPayment] = Saga("payment", atomic(open_payments))
CAPTURE: Saga[CapturePayment] = Saga("capture", atomic(capture_payments))
RELEASE: Saga[ReleasePayment] = Saga("release", atomic(release_payments))
REFUND: Saga[RefundPayment] = Saga("refund", atomic(refund_payments))
