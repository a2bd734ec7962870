"""CockroachDB's licence: which clusters need a key, what a key contains, how long it lasts.

Source: CockroachDB, "Licensing FAQs". A key is `crl-0-` and a protocol buffers message in base64,
of which the end of validity (field 2) and the organisation (field 4) are read.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import NamedTuple

from app.operate.doctor.model import CheckResult, Diagnosis

GRACE_DAYS = 7
"""How long a new cluster of several nodes runs without a key; an upgraded one has 30 days."""
WARN_DAYS = 30
"""A month is enough time to ask for a new key."""

_KEYED_SINCE = {(23, 1): 29, (23, 2): 15, (24, 1): 7, (24, 2): 5}
"""The first patches of older lines that ask for a key; from 24.3 on all versions do."""
_ALL_KEYED_SINCE = (24, 3)
_PREFIX = "crl-0-"
_DAY_S = 86_400
_MEND = (
    "get a key (a free one is enough for most) at https://cockroachlabs.cloud, then: "
    "SET CLUSTER SETTING cluster.organization = '...'; "
    "SET CLUSTER SETTING enterprise.license = '...'"
)


class Key(NamedTuple):
    """What a key contains."""

    until: datetime
    organization: str


def needs_key(version: tuple[int, int, int] | None) -> bool:
    """Whether this version asks clusters of several nodes for a key."""
    if version is None:
        return False
    line = version[:2]
    return line >= _ALL_KEYED_SINCE or version[2] >= _KEYED_SINCE.get(line, version[2] + 1)


def read_key(text: str) -> Key | None:
    """Read a key; none where it cannot be read, for example because the server hides it."""
    if not text.startswith(_PREFIX):
        return None
    encoded = text.removeprefix(_PREFIX)
    try:
        fields = _fields(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
        until = fields.get(2, 0)
        organization = fields.get(4, b"")
        if not isinstance(until, int) or not isinstance(organization, bytes) or not until:
            return None
        return Key(datetime.fromtimestamp(until, UTC), organization.decode())
    except (binascii.Error, ValueError, IndexError, OverflowError):
        return None


def _fields(message: bytes) -> dict[int, int | bytes]:
    """Yield the fields of a protocol buffers message that has numbers and strings only."""
    fields: dict[int, int | bytes] = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            fields[number], position = _varint(message, position)
        elif kind == 2:  # noqa: PLR2004 - length-delimited, in the format's own numbering
            length, position = _varint(message, position)
            fields[number] = message[position : position + length]
            position += length
        else:
            raise ValueError
    return fields


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            return value, position


def judge_licence(
    *,
    version: tuple[int, int, int] | None,
    nodes: int,
    key: str,
    expires_in_s: int,
    made_at: datetime | None,
    now: datetime,
) -> Diagnosis:
    """Judge how long the cluster runs with its key.

    Args:
        nodes: how many belong to the cluster.
        key: as set; empty for none, unreadable where it is hidden from this user.
        expires_in_s: as the server counts it; 0 where the server does not say.
        made_at: when the cluster was made, as far as the server says.
    """
    if key:
        return _judge_key(read_key(key), expires_in_s, now)
    if not needs_key(version):
        said = "this version runs without a key; multi-region tables need one"
        return Diagnosis("licence", "ok", said)
    if nodes <= 1:
        said = "no key; a single node (start-single-node) needs none"
        return Diagnosis("licence", "ok", said)
    said = f"no key on a cluster of {nodes} nodes: it runs {GRACE_DAYS} days (30 after an upgrade)"
    throttled = "then at most 5 transactions at a time"
    if made_at is None:
        return Diagnosis("licence", "warn", f"{said}, {throttled}", _MEND)
    left = GRACE_DAYS - (now - made_at).days
    since = f"made on {made_at:%Y-%m-%d}"
    if left > 0:
        return Diagnosis("licence", "warn", f"{said}, {throttled}; {since}, {left} left", _MEND)
    return Diagnosis(
        "licence", "fail", f"{said}, and it was {since}: at most 5 transactions at a time", _MEND
    )


def _judge_key(key: Key | None, expires_in_s: int, now: datetime) -> Diagnosis:
    if key is not None:
        days = int((key.until - now).total_seconds() // _DAY_S)
        whose = f" of {key.organization}" if key.organization else ""
        said = f"the key{whose} lasts until {key.until:%Y-%m-%d}"
    elif expires_in_s:
        days = expires_in_s // _DAY_S
        said = "the key's own end is hidden from this user, the server counts it"
    else:
        return Diagnosis("licence", "ok", "a key is set; its end is hidden from this user")
    verdict: CheckResult = "fail" if days < 0 else "warn" if days < WARN_DAYS else "ok"
    ended = f"{said}: {-days} days ago" if days < 0 else f"{said}: {days} days left"
    return Diagnosis("licence", verdict, ended, "" if verdict == "ok" else _MEND)
