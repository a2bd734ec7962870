"""Refusals of payments."""

from app.base.errors import Declined, NotFound, Rejected, Unavailable


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


class RefundNotSupported(Rejected):
    """Payment {payment} came by bank transfer, and its bank cannot send it back; pay it out."""

    code = "refund_not_supported"


class RefundExceedsCapture(Rejected):
    """{left} are left to refund of payment {payment} and {asked} were asked for (minor units)."""

    code = "refund_exceeds_capture"


class PaymentDisputed(Rejected):
    """Payment {payment} is disputed; the money goes back by the dispute or not at all."""

    code = "payment_disputed"


class PaymentBusy(Rejected):
    """Another operation on payment {payment} waits for the processor; try again a little later."""

    code = "payment_busy"
    retry = "same_key"
    retry_after_s = 5


class ModeNotProcessable(Rejected):
    """No processor here takes payments by {method} of {mode} merchants."""

    code = "mode_not_processable"


class AmountNotProcessable(Rejected):
    """No processor of such a payment has the amount {amount} {currency} (minor units)."""

    code = "amount_not_processable"


class DeclinedByProcessor(Declined):
    """Payment {payment} was declined: {decline_code}."""

    code = "payment_declined"


class CaptureDeclined(Declined):
    """The processor declined to capture payment {payment}: {decline_code}."""

    code = "capture_declined"


class RefundDeclined(Declined):
    """The processor declined refund {refund} of payment {payment}: {decline_code}."""

    code = "refund_declined"


class ProcessorUnavailable(Unavailable):
    """No processor could be reached, and surely nothing was done; try again."""

    code = "processor_unavailable"
    status = 502
    retry_after_s = 5


class PaymentNotMade(Declined):
    """No processor could be reached for {payment}, and its quote is used up; take another."""

    code = "payment_not_made"


class PaymentUndone(Declined):
    """Payment {payment} was approved but could not be booked, and was given back: {why}."""

    code = "payment_undone"
