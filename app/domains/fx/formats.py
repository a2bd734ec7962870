"""The European Central Bank's reference rates: `eurofxref` files, as XML, as CSV, or zipped. Pure.

Both formats come with one day (`eurofxref-daily.xml`, `eurofxref.csv`) or with many
(`eurofxref-hist.xml`, `eurofxref-hist.csv`); rates are units of a currency for one euro.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from app.base.money import EXPONENTS

BYTES_MAX: Final = 64 * 1024 * 1024
"""The whole history since 1999 is a tenth of that, as XML."""

USUAL: Final = frozenset(
    "AUD CAD CHF CZK DKK GBP HKD HUF JPY KRW NOK NZD PLN SEK SGD USD ZAR".split()
)
"""Currencies that the bank has published on each day since 1999; a day without one was cut."""

RATE_TEXT_MAX: Final = 20  # characters: the longest that was published has eleven

Days = Mapping[date, Mapping[str, Decimal]]
"""Day -> currency -> units of it for one euro."""


class NotRates(Exception):
    """The file is no `eurofxref` file; the message says why."""


def parse(content: bytes) -> Days:
    """The rates of a file; currencies that are no longer in use are left out.

    A file is taken as a whole or not at all: one that was cut has a line that is too short, or a
    day without one of the usual currencies.

    Raises:
        NotRates
    """
    if content[:2] == b"PK":
        content = _unzip(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotRates("it is not text in UTF-8") from None
    days = _xml(content) if text.lstrip()[:1] == "<" else _csv(text)
    if not days or not any(days.values()):
        raise NotRates("there is no rate in it")
    for day, rates in days.items():
        if missing := sorted(USUAL - rates.keys()):
            raise NotRates(f"{day} has no rate of {', '.join(missing)}")
    return days


_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
    RuntimeError,  # it is encrypted, or compressed by a method that we do not have
)
"""What a damaged archive raises, depending on where the damage is."""


def _unzip(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].file_size > BYTES_MAX:
                raise NotRates("the archive should hold one file of up to 64 MB")
            return archive.read(members[0])
    except _DAMAGED:
        raise NotRates("the archive cannot be read") from None


def _xml(content: bytes) -> Days:
    try:
        root: Element = fromstring(content)
    except (ParseError, DefusedXmlException) as error:
        raise NotRates(f"it is not plain XML ({error})") from None
    days: dict[date, dict[str, Decimal]] = {}
    for cube in _cubes(root):
        if "time" in cube.attrib:
            rates = [(each.get("currency"), each.get("rate")) for each in _cubes(cube)]
            known = [(currency, rate) for currency, rate in rates if currency and rate]
            _add(days, _day(cube.attrib["time"]), _rates(known))
    return days


def _add(days: dict[date, dict[str, Decimal]], day: date, rates: dict[str, Decimal]) -> None:
    if day in days:
        raise NotRates(f"{day} is in it twice")
    days[day] = rates


def _cubes(element: Element) -> Iterable[Element]:
    """The elements `Cube` below; the bank's namespace has a date in it, so it is not compared."""
    return (each for each in element.iter() if each.tag.rpartition("}")[2] == "Cube")


def _csv(text: str) -> Days:
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
    except csv.Error as error:
        raise NotRates(f"it is not CSV ({error})") from None
    if not rows or rows[0][:1] != ["Date"]:
        raise NotRates("its first line does not begin with 'Date'")
    if not text.endswith("\n"):
        raise NotRates("its last line does not end")
    names = rows[0][1:]
    days: dict[date, dict[str, Decimal]] = {}
    for row in filter(any, rows[1:]):
        if len(row) != len(rows[0]):
            raise NotRates(f"the line of {row[0][:40]} has {len(row)} fields of {len(rows[0])}")
        # Lines end in a comma, so the last column has no name and no value.
        _add(days, _day(row[0]), _rates(zip(names, row[1:], strict=True)))
    return days


def _day(text: str) -> date:
    """A day as the files write it: 2026-01-02, or 02 January 2026 in the daily CSV."""
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise NotRates(f"'{text[:40]}' is not a day")


def _rates(pairs: Iterable[tuple[str, str]]) -> dict[str, Decimal]:
    rates: dict[str, Decimal] = {}
    for currency, text in pairs:
        if currency in EXPONENTS and text not in {"", "N/A"}:
            if currency in rates:
                raise NotRates(f"{currency} is in it twice")
            rates[currency] = _rate(currency, text)
    return rates


def _rate(currency: str, text: str) -> Decimal:
    try:
        rate = Decimal(text) if len(text) <= RATE_TEXT_MAX else Decimal(0)
    except InvalidOperation:
        rate = Decimal(0)
    # Without an exponent and without a sign: a rate is digits and at most one point.
    if not (text.replace(".", "", 1).isdecimal() and rate > 0):
        raise NotRates(f"the rate of {currency} is '{text[:40]}'")
    return rate
