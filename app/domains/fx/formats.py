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

RATE_TEXT_MAX: Final = 20  # characters: the longest that was published has eleven

Days = Mapping[date, Mapping[str, Decimal]]
"""Day -> currency -> units of it for one euro."""


class NotRates(Exception):
    """The file is no `eurofxref` file; the message says why."""


def parse(content: bytes) -> Days:
    """The rates of a file; currencies that nobody can be paid in any more are left out.

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
    days = {}
    for cube in _cubes(root):
        if "time" in cube.attrib:
            rates = [(each.get("currency"), each.get("rate")) for each in _cubes(cube)]
            days[_day(cube.attrib["time"])] = _rates(
                (currency, rate) for currency, rate in rates if currency and rate
            )
    return days


def _cubes(element: Element) -> Iterable[Element]:
    """The elements `Cube` below; the bank's namespace has a date in it, so it is not compared."""
    return (each for each in element.iter() if each.tag.rpartition("}")[2] == "Cube")


def _csv(text: str) -> Days:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text))]
    if not rows or rows[0][:1] != ["Date"]:
        raise NotRates("its first line does not begin with 'Date'")
    names = rows[0][1:]
    # Lines end in a comma, so the last column has no name and no value.
    return {
        _day(row[0]): _rates(zip(names, row[1:], strict=False))
        for row in rows[1:]
        if row and row[0]
    }


def _day(text: str) -> date:
    """A day as the files write it: 2026-01-02, or 02 January 2026 in the daily CSV."""
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise NotRates(f"'{text[:40]}' is not a day")


def _rates(pairs: Iterable[tuple[str, str]]) -> dict[str, Decimal]:
    return {
        currency: _rate(currency, text)
        for currency, text in pairs
        if currency in EXPONENTS and text not in {"", "N/A"}
    }


def _rate(currency: str, text: str) -> Decimal:
    try:
        rate = Decimal(text) if len(text) <= RATE_TEXT_MAX else Decimal(0)
    except InvalidOperation:
        rate = Decimal(0)
    # Without an exponent and without a sign: a rate is digits and at most one point.
    if not (text.replace(".", "", 1).isdecimal() and rate > 0):
        raise NotRates(f"the rate of {currency} is '{text[:40]}'")
    return rate
