"""Notifications are accepted only with a fresh and right signature."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from app.base import clock
from app.base.settings import SettingsError
from app.processors import NotificationInvalid, SignatureInvalid, UnknownProcessor
from app.processors.signatures import check, parse_secret, sign
from tests.processors.conftest import OpenProcessors

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
KEY = parse_secret(SECRET, "SUYA_X")
NOW = datetime.fromtimestamp(1614265330, UTC)


def _headers(signature: str = SIGNATURE, timestamp: str = "1614265330") -> dict[str, str]:
    return {
        "Webhook-Id": MESSAGE,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }


def test_the_published_example_passes() -> None:
    """A message signed by another implementation is accepted, however its headers are written."""
    check(KEY, _headers(), BODY, NOW)


def test_one_right_signature_is_enough() -> None:
    """While a secret is changed there are two signatures, and other kinds are ignored."""
    check(KEY, _headers(f"v1a,abc v1,wrong {SIGNATURE}"), BODY, NOW)


@pytest.mark.parametrize(
    "signature",
    ["", "v1,", SIGNATURE[:-2] + "==", SIGNATURE.removeprefix("v1,"), f"v2{SIGNATURE[2:]}", "v1,é"],
)
def test_wrong_signatures(signature: str) -> None:
    """Only the whole signature of the agreed kind is right."""
    with pytest.raises(SignatureInvalid):
        check(KEY, _headers(signature), BODY, NOW)


def test_another_text_is_not_signed() -> None:
    """With one changed byte, another id or another secret, the signature is wrong."""
    with pytest.raises(SignatureInvalid):
        check(KEY, _headers(), BODY.replace(b"4", b"5"), NOW)
    with pytest.raises(SignatureInvalid):
        check(KEY, _headers() | {"Webhook-Id": "msg_2"}, BODY, NOW)
    with pytest.raises(SignatureInvalid):
        check(bytes(32), _headers(), BODY, NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_replay_is_refused(minutes: int) -> None:
    """A right signature that is old or from the future is refused."""
    with pytest.raises(SignatureInvalid):
        check(KEY, _headers(), BODY, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1.5", "1614265330 ", "²", "9" * 5000])
def test_timestamps_that_are_none(timestamp: str) -> None:
    """A timestamp is a whole number of seconds, and anything else is refused."""
    signature = sign(KEY, MESSAGE, timestamp, BODY)

    with pytest.raises(SignatureInvalid):
        check(KEY, _headers(signature, timestamp), BODY, NOW)


@pytest.mark.parametrize("name", ["Webhook-Id", "webhook-timestamp", "webhook-signature"])
def test_missing_headers(name: str) -> None:
    """Each of the three headers is needed."""
    headers = _headers()
    del headers[name]

    with pytest.raises(SignatureInvalid):
        check(KEY, headers, BODY, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_?", SECRET[6:]])
def test_secrets_that_are_none(secret: str) -> None:
    """A secret that is too short or not base64 stops the start, and is not shown."""
    with pytest.raises(SettingsError, match="SUYA_X") as failure:
        parse_secret(secret, "SUYA_X")

    assert len(secret) < 8 or secret not in str(failure.value)


def _signed(body: bytes) -> dict[str, str]:
    timestamp = str(int(clock.now().timestamp()))
    return {
        "webhook-id": MESSAGE,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(KEY, MESSAGE, timestamp, body),
    }


def _notification(**fields: object) -> bytes:
    told = {
        "id": "ntf_1",
        "type": "capture.updated",
        "created_at": "2026-01-01T00:00:00Z",
        "merchant": "mer_1",
        "data": {"reference": "cap_1", "status": "approved"},
    }
    return json.dumps(told | fields).encode()


async def test_a_notification_says_what_to_look_at(open_processors: OpenProcessors) -> None:
    """A signed notification names its subject by Suya's reference, and keeps its text."""
    processors = await open_processors(acquirer_notification_secret=SECRET)
    body = _notification()

    notification = processors.read_notification("acquirer", _signed(body), body)

    assert (notification.id, notification.merchant) == ("ntf_1", "mer_1")
    assert (notification.subject, notification.reference) == ("capture", "cap_1")
    assert notification.payload == body.decode()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"id":"\xff"}', _notification(type="lunch.ready"), _notification(data=1)]
)
async def test_signed_nonsense(body: bytes, open_processors: OpenProcessors) -> None:
    """A signed text that is no notification has an error of its own."""
    processors = await open_processors(acquirer_notification_secret=SECRET)

    with pytest.raises(NotificationInvalid):
        processors.read_notification("acquirer", _signed(body), body)


async def test_without_a_secret_nothing_is_believed(open_processors: OpenProcessors) -> None:
    """A process without a secret accepts no notification."""
    processors = await open_processors()
    body = _notification()

    with pytest.raises(SignatureInvalid):
        processors.read_notification("acquirer", _signed(body), body)
    with pytest.raises(UnknownProcessor):
        processors.read_notification("nobody", _signed(body), body)


async def test_a_bad_secret_stops_the_start(open_processors: OpenProcessors) -> None:
    """The message names the variable."""
    bad = "whsec_" + base64.b64encode(b"short").decode()

    with pytest.raises(SettingsError, match="SUYA_ACQUIRER_NOTIFICATION_SECRET"):
        await open_processors(acquirer_notification_secret=bad)
