"""Ids: UUIDv7 in the database, TypeIDs on the wire (`pay_01j...`).

A TypeID is a prefix that names the kind of object and the UUID's 128 bits in Crockford's base32 (26
characters, lower case). Source: the TypeID specification, version 0.3.

UUIDv7 begins with its millisecond, so lists by time are scans of the primary key. That makes no hot
spot, because every key begins with region and merchant.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from app.base import clock

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
# Two characters at a time halve the work of the hottest conversion of a payment.
_PAIRS: Final = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES: Final = {pair: value for value, pair in enumerate(_PAIRS)}
_LENGTH: Final = 26
_TAIL_BITS: Final = 62  # of an id, below its instant
_RANDOM_BITS: Final = 42  # of them, below its place in a series
_MILLIS_MAX: Final = 253_402_300_799_000  # the end of 9999
_PLACES: Final = 1 << _TAIL_BITS - _RANDOM_BITS

PREFIXES: Final = {
    "account": "acct",
    "api_key": "key",
    "bank_account": "ba",
    "capture": "cap",
    "customer": "cus",
    "dispute": "dp",
    "dispute_evidence": "dpe",
    "event": "evt",
    "fee_plan": "fee",
    "fx_quote": "fxq",
    "merchant": "mer",
    "notification": "ntf",
    "payment": "pay",
    "payment_method": "pm",
    "payout": "po",
    "refund": "re",
    "request": "req",
    "reversal": "rev",
    "saga": "saga",
    "transfer": "tr",
}
"""Kind of object -> prefix on the wire."""

NIL: Final = UUID(int=0)
"""The platform itself, as the owner of its own accounts."""
TEST: Final = UUID(int=1)
"""The platform as the owner of the accounts on which it books what test merchants do."""


class MalformedId(ValueError):
    """The text is not an id of the expected kind."""


def new() -> UUID:
    """A fresh UUIDv7; within a process later ids sort after earlier ones.

    One whose clock is off takes the corrected time, and its ids of one millisecond no order.
    """
    if clock.is_off():
        return UUID(int=_floor(clock.now()) | secrets.randbits(_TAIL_BITS))
    return uuid7()


def series(instants: Iterable[datetime]) -> list[UUID]:
    """Fresh UUIDv7s, each made at its instant, to the microsecond; those of one are in order.

    Source of the form: RFC 9562, section 6.2, methods 3 and 1.
    """
    tail = secrets.randbits(_RANDOM_BITS)
    return [
        UUID(int=_floor(when) | place % _PLACES << _RANDOM_BITS | tail)
        for place, when in enumerate(instants)
    ]


def first_at(when: datetime) -> UUID:
    """What no id of a series that is made at this instant or later sorts before."""
    return UUID(int=_floor(when))


def instant_after(value: UUID) -> datetime:
    """An instant after that of a UUID, though no later than the calendar goes."""
    return clock.EPOCH + timedelta(milliseconds=min((value.int >> 80) + 1, _MILLIS_MAX))


@lru_cache(maxsize=16)  # a batch has one instant
def _floor(when: datetime) -> int:
    millis, micros = divmod(clock.to_micros(when), 1000)
    return millis << 80 | 0x7 << 76 | micros << 64 | 0x2 << 62


def instant(value: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond; clients see it as `created_at`."""
    return clock.EPOCH + timedelta(milliseconds=value.int >> 80)


def encode(kind: str, value: UUID) -> str:
    """The wire form of `value`."""
    n = value.int
    p = _PAIRS
    return f"{PREFIXES[kind]}_" + (
        p[n >> 120] + p[n >> 110 & 1023] + p[n >> 100 & 1023] + p[n >> 90 & 1023]
        + p[n >> 80 & 1023] + p[n >> 70 & 1023] + p[n >> 60 & 1023] + p[n >> 50 & 1023]
        + p[n >> 40 & 1023] + p[n >> 30 & 1023] + p[n >> 20 & 1023] + p[n >> 10 & 1023]
        + p[n & 1023]
    )  # fmt: skip


@lru_cache(maxsize=65_536)  # clients use the same accounts again and again; 20 MB at most
def decode(kind: str, text: str) -> UUID:
    """Parse the UUID in `text`.

    Raises:
        MalformedId: another prefix, length or alphabet, or more than 128 bits.
    """
    prefix, _, suffix = text.rpartition("_")
    if prefix != PREFIXES[kind] or len(suffix) != _LENGTH:
        raise MalformedId(text)
    number = 0
    try:
        for at in range(0, _LENGTH, 2):
            number = number << 10 | _VALUES[suffix[at : at + 2]]
        return UUID(int=number)
    except (KeyError, ValueError) as error:
        raise MalformedId(text) from error


def derived(*parts: object, at: UUID = NIL) -> UUID:
    """A UUID that is a function of its parts, so that it can be computed without a look-up.

    Its first 48 bits (the millisecond) are those of `at`, so that derived ids sort as if made then.
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    tail = int.from_bytes(digest[:10]) & ~(0xF << 76) | 0x8 << 76  # version 8: custom
    tail = tail & ~(0x3 << 62) | 0x2 << 62  # RFC 9562 variant
    return UUID(int=at.int >> 80 << 80 | tail)
