"""The errors of notifications from outside."""

from app.base.errors import Invalid, NotFound, Unauthorized, Unavailable


class SignatureInvalid(Unauthorized):
    """The notification's signature is wrong or too old."""

    code = "notification_signature_invalid"


class NotificationInvalid(Invalid):
    """The notification does not have the form of this processor's notifications.

    The processor signed it, so it is no forgery; it is refused because it cannot be read.
    """

    code = "notification_invalid"


class NotificationForeign(Invalid):
    """The notification is about an object that Suya did not create.

    The processor's account has other uses; it need not send it again.
    """

    code = "notification_foreign"


class UnknownProcessor(NotFound):
    """There is no processor '{processor}'."""

    code = "unknown_processor"


class ProcessorUnclear(Unavailable):
    """The processor '{processor}' did not answer a query about its notification; send it again."""

    code = "processor_unclear"
