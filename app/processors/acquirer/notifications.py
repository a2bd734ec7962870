"""The acquirer's notifications: signed after Standard Webhooks; they name the object to look at."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.base import clock
from app.processors import signatures
from app.processors.errors import NotificationInvalid, SignatureInvalid
from app.processors.model import Notification

_SUBJECTS: dict[str, Any] = {
    "authorization.updated": "authorization",
    "capture.updated": "capture",
    "refund.updated": "refund",
    "bank_transfer.updated": "bank_transfer",
    "payout.updated": "payout",
    "dispute.opened": "dispute",
    "dispute.updated": "dispute",
}


class _NotificationData(msgspec.Struct):
    reference: str


class _NotificationBody(msgspec.Struct):
    id: str
    type: str
    merchant: str
    data: _NotificationData


_body = msgspec.json.Decoder(_NotificationBody)


class NotificationReader:
    """Reads notifications that `key` has signed; without a key it refuses all."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def read(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Parse a notification and check its signature.

        Raises:
            SignatureInvalid: it is not right, or there is no key to check it with.
            NotificationInvalid: the acquirer signed something else.
        """
        if self._key is None:
            raise SignatureInvalid
        signatures.check(self._key, headers, body, clock.now())
        try:
            notification = _body.decode(body)
        except ValueError as error:
            raise NotificationInvalid from error
        if notification.type not in _SUBJECTS:
            raise NotificationInvalid
        return Notification(
            id=notification.id,
            merchant=notification.merchant,
            subject=_SUBJECTS[notification.type],
            reference=notification.data.reference,
            payload=body.decode(),
        )
