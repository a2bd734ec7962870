"""Refusals of payments."""

from app.errors import NotFound, Rejected


class PaymentNotFound(NotFound):
    """There is no payment {payment}."""

    code = "payment_not_found"


class RefundNotFound(NotFound):
    """There is no refund {refund}."""

    code = "refund_not_found"


class PaymentNotCapturable(Rejected):
    """Payment {payment} is {status}; only authorized payments can be captured."""

    code = "payment_not_capturable"


class CaptureExceedsHold(Rejected):
    """{left} are left to capture of payment {payment} and {asked} were asked for (minor units)."""

    code = "capture_exceeds_hold"


class PaymentNotCancelable(Rejected):
    """Payment {payment} is {status}; only authorized payments can be canceled."""

    code = "payment_not_cancelable"


class PaymentNotRefundable(Rejected):
    """Payment {payment} is {status}; only captured payments can be refunded."""

    code = "payment_not_refundable"


class RefundExceedsCapture(Rejected):
    """{left} are left to refund of payment {payment} and {asked} were asked for (minor units)."""

    code = "refund_exceeds_capture"
