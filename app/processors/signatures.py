"""Signatures of notifications after Standard Webhooks.

Source: github.com/standard-webhooks/standard-webhooks, specification, "Signature scheme".
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from app.base.settings import SettingsError
from app.processors.errors import SignatureInvalid

TOLERANCE_S = 300  # the specification's own; an older message is taken for a replay
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64  # the specification's range
_PREFIX = "whsec_"


def parse_secret(text: str, variable: str) -> bytes:
    """Parse `whsec_<base64>`.

    Raises:
        SettingsError: it is something else; the message names `variable` and not the text.
    """
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise SettingsError(
            f"{variable}: must be {_PREFIX} and the base64 of"
            f" {SECRET_BYTES_MIN}-{SECRET_BYTES_MAX} bytes"
        )
    return key


def sign(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature `v1,...` of a message."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def check(key: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check that `key` signed a message, within the tolerance around `now`.

    Several signatures may be given, separated by spaces: while a secret is being changed both sign.

    Raises:
        SignatureInvalid: a header is missing, it is too old or from the future, or none fits.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not timestamp.isascii() or not timestamp.isdecimal():
        raise SignatureInvalid
    # Python refuses to parse numbers of thousands of digits, with an error of its own.
    if len(timestamp) > len(str(2**63)) or abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        raise SignatureInvalid
    expected = sign(key, message_id, timestamp, body).encode()
    # Every signature is compared, each in constant time, so that the duration reveals nothing.
    fits = [
        hmac.compare_digest(expected, signature.encode())
        for signature in given.get("webhook-signature", "").split(" ")
    ]
    if not any(fits):
        raise SignatureInvalid
