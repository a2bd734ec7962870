"""Stripe's notifications: the events of a webhook endpoint."""

from collections.abc import Mapping

import stripe

from app.processors.errors import NotificationForeign, NotificationInvalid, SignatureInvalid
from app.processors.model import Notification, Verdict
from app.processors.signatures import TOLERANCE_S
from app.processors.stripe.objects import StripeEvent, read, to_notification


class EventReader:
    """Reads events that `secret` has signed; without a secret it refuses all."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret

    def read(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Parse a notification and check its signature.

        Raises:
            SignatureInvalid: it is not right, or there is no secret to check it with.
            NotificationInvalid: Stripe signed something that is no event.
            NotificationForeign: it is about an object of the account that is not Suya's.
        """
        given = {name.lower(): value for name, value in headers.items()}
        try:
            stripe.WebhookSignature.verify_header(
                body, given.get("stripe-signature"), self._secret, TOLERANCE_S
            )
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise SignatureInvalid from error
        event = read(body, StripeEvent)
        if isinstance(event, Verdict):
            raise NotificationInvalid
        notification = to_notification(event, body.decode())
        if notification is None:
            raise NotificationForeign
        return notification
