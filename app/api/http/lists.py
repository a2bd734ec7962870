"""Lists: cursors and filters from the query string, and the shape of a page."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from app.api.http.call import ApiRequest
from app.api.http.errors import InvalidParameter
from app.base import ids
from app.base.errors import FieldError
from app.engine.database import LAST, Page

T = TypeVar("T")

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
_DIGITS_MAX = 20  # of an INT8, and a bound on what int() is asked to read

PAGING = ("limit", "starting_after", "ending_before", "consistency")
CREATED = ("created[gte]", "created[gt]", "created[lte]", "created[lt]")
_METADATA = re.compile(r"^metadata\[(.{1,40})\]$", re.DOTALL)
_MILLISECOND = 1 << 80
# RFC 3339, section 5.6; it allows small letters, and the second 60 for a leap second.
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+ -]\d\d:\d\d)", re.ASCII
)


class ListView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of a list, newest first."""

    data: Sequence[Any]
    has_more: bool
    next_cursor: str | None = None
    """Only where a filter made the page end early: `starting_after` (or `ending_before`) of the
    next one."""


def bad(name: str, message: str) -> InvalidParameter:
    """A fault of one parameter."""
    return InvalidParameter(errors=(FieldError(name, message),))


def parameters(request: ApiRequest, *allowed: str, metadata: bool = False) -> dict[str, str]:
    """The query string as a mapping.

    Raises:
        InvalidParameter: unknown, or given twice, or with a NUL.
    """
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        known = name in allowed or (metadata and _METADATA.match(name))
        if not known:
            raise bad(name, f"is not a parameter of this list; it takes {', '.join(allowed)}")
        if name in given:
            raise bad(name, "is given twice")
        if "\x00" in value or "\x00" in name:
            raise bad(name, "must not contain NUL")
        given[name] = value
    return given


def whole(given: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """An integer parameter within a range."""
    text = given.get(name)
    if text is None:
        return None
    digits = text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
    if not (digits and low <= int(text) <= high):
        raise bad(name, f"must be a whole number from {low} to {high}")
    return int(text)


def one_of(given: Mapping[str, str], name: str, choices: Sequence[str]) -> Any:
    """A parameter that is one of some words, such as the members of a `Literal`."""
    word = given.get(name)
    if word is not None and word not in choices:
        raise bad(name, f"must be one of {', '.join(choices)}")
    return word


def instant(given: Mapping[str, str], name: str) -> datetime | None:
    """A parameter that is a point in time, with its offset."""
    text = given.get(name)
    if text is None:
        return None
    found = _INSTANT.fullmatch(text)
    try:
        at = None if found is None else _read_instant(found)
    except (ValueError, OverflowError):  # a 31st of February, or a leap second in year 9999
        at = None
    if at is None:
        raise bad(
            name, "must be an RFC 3339 date and time with offset, such as 2026-01-31T12:00:00Z"
        )
    return at


def _read_instant(found: re.Match[str]) -> datetime:
    day, minute, second, fraction, offset = found.groups()
    is_leap = second == "60"
    # A plus sign in a query string is a space; clients forget that.
    zone = offset.upper().replace("Z", "+00:00").replace(" ", "+")
    digits = (fraction or "0")[:6]
    at = datetime.fromisoformat(f"{day}T{minute}:{'59' if is_leap else second}.{digits:0<6}{zone}")
    return at + timedelta(seconds=1) if is_leap else at


def cursor(given: Mapping[str, str], name: str, kind: str) -> UUID | None:
    """A parameter that is an id."""
    text = given.get(name)
    if text is None:
        return None
    try:
        return ids.decode(kind, text)
    except ids.MalformedId:
        raise bad(name, f"must be the id of a {kind}") from None


def limit_of(given: Mapping[str, str]) -> int:
    """How many items a page holds."""
    return whole(given, "limit", 1, LIMIT_MAX) or LIMIT_DEFAULT


def page(given: Mapping[str, str], kind: str) -> Page:
    """The stretch of the list that is asked for; created ranges become bounds on the ids.

    Raises:
        InvalidParameter
    """
    newer = cursor(given, "ending_before", kind)
    older = cursor(given, "starting_after", kind)
    if newer is not None and older is not None:
        raise bad("ending_before", "cannot be combined with starting_after")
    after, before = _created_bounds(given)
    return Page(
        limit=limit_of(given),
        before=min(before, older) if older is not None else before,
        after=max(after, newer) if newer is not None else after,
        backwards=newer is not None,
    )


def _created_bounds(given: Mapping[str, str]) -> tuple[UUID, UUID]:
    """Exclusive bounds on UUIDv7s, whose first 48 bits are the millisecond of their making."""
    low, high = 0, LAST.int
    for name, offset in (("created[gte]", 0), ("created[gt]", 1)):
        at = instant(given, name)
        if at is not None:
            low = max(low, _first_id(at, offset) - 1)
    for name, offset in (("created[lte]", 1), ("created[lt]", 0)):
        at = instant(given, name)
        if at is not None:
            high = min(high, _first_id(at, offset))
    return UUID(int=max(low, 0)), UUID(int=max(high, 0))


def _first_id(at: datetime, offset_ms: int) -> int:
    millisecond = int(at.timestamp() * 1000) + offset_ms
    return min(max(millisecond, 0) * _MILLISECOND, LAST.int)


def metadata_of(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The pairs of `metadata[name]=value` parameters."""
    pairs = []
    for name, value in given.items():
        match = _METADATA.match(name)
        if match:
            pairs.append((match[1], value))
    return tuple(pairs)


def list_view(items: Sequence[T], view: Callable[[T], Any], *, more: bool) -> ListView:
    return ListView([view(item) for item in items], more)
