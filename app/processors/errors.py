"""What may be wrong with a notification from outside."""

from app.base.errors import Invalid, NotFound, Unauthorized, Unavailable


class SignatureInvalid(Unauthorized):
    """The notification is not signed as agreed with the processor, or too long ago."""

    code = "notification_signature_invalid"


class NotificationInvalid(Invalid):
    """The notification's text is not what the processor's notifications look like.

    The processor signed it, so it is no forgery; it is refused because it cannot be understood.
    """

    code = "notification_invalid"


class NotificationForeign(Invalid):
    """The notification is about something that did not come from here.

    The processor's account has other uses; it need not send it again.
    """

    code = "notification_foreign"


class UnknownProcessor(NotFound):
    """There is no processor '{processor}'."""

    code = "unknown_processor"


class ProcessorUnclear(Unavailable):
    """The processor '{processor}' does not say yet what it notified of; send it again."""

    code = "processor_unclear"
