"""The European Central Bank's files, as it publishes them, and files that are something else."""

import contextlib
import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from app.domains.fx.formats import NotRates, parse

DAILY_XML = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
	<Cube>
		<Cube time='2026-01-30'>
			<Cube currency='USD' rate='1.1919'/>
			<Cube currency='JPY' rate='183.59'/>
			<Cube currency='LTL' rate='3.4528'/>
		</Cube>
	</Cube>
</gesmes:Envelope>
"""
DAILY_CSV = "Date, USD, JPY, LTL, \n30 January 2026, 1.1919, 183.59, 3.4528, \n"
HISTORY_CSV = """Date,USD,JPY,LTL,RUB,
2026-01-30,1.1919,183.59,N/A,N/A,
2026-01-29,1.1968,183.09,N/A,N/A,
2012-03-01,1.3312,108.05,3.4528,38.9820,
"""
RATES = {"USD": Decimal("1.1919"), "JPY": Decimal("183.59")}


@pytest.mark.parametrize("text", [DAILY_XML, DAILY_CSV, "\ufeff" + DAILY_CSV])
def test_the_rates_of_a_day(text: str) -> None:
    """XML and CSV say the same; a currency that no longer exists is left out."""
    assert parse(text.encode()) == {date(2026, 1, 30): RATES}


def test_the_rates_of_many_days() -> None:
    """In the history each day has the rates that were published on it."""
    days = parse(HISTORY_CSV.encode())

    assert days[date(2026, 1, 30)] == RATES
    assert days[date(2012, 3, 1)] == {
        "USD": Decimal("1.3312"),
        "JPY": Decimal("108.05"),
        "RUB": Decimal("38.9820"),
    }
    assert len(days) == 3


def test_many_days_of_xml() -> None:
    """The last ninety days are one cube after the other."""
    begin, _, rest = DAILY_XML.partition("\t\t<Cube time")
    more = "\t\t<Cube time='2026-01-29'><Cube currency='USD' rate='1.1968'/></Cube>\n"

    days = parse((begin + more + "\t\t<Cube time" + rest).encode())

    assert days == {
        date(2026, 1, 29): {"USD": Decimal("1.1968")},
        date(2026, 1, 30): RATES,
    }


def test_a_zipped_file() -> None:
    """The bank zips its CSV files; they are taken as they come."""
    assert parse(_zipped({"eurofxref.csv": DAILY_CSV})) == {date(2026, 1, 30): RATES}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not begin with 'Date'"),
        (b"\xff\xfe\x00", "not text"),
        (b"Name,Amount\nada,5\n", "does not begin with 'Date'"),
        (b"Date,USD,\n", "no rate"),
        (b"Date,LTL,\n2026-01-30,3.4528,\n", "no rate"),
        (b"Date,USD,\nyesterday,1.19,\n", "'yesterday' is not a day"),
        (b"Date,USD,\n2026-01-30,0,\n", "the rate of USD is '0'"),
        (b"Date,USD,\n2026-01-30,-1.19,\n", "the rate of USD is '-1.19'"),
        (b"Date,USD,\n2026-01-30,1e3,\n", "the rate of USD is '1e3'"),
        (b"Date,USD,\n2026-01-30,NaN,\n", "the rate of USD is 'NaN'"),
        (b"Date,USD,\n2026-01-30,1.1919191919191919191919,\n", "the rate of USD"),
        (b"<html></html>", "no rate"),
        (b"<html>", "not plain XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "not plain XML"),
        (b"PK\x03\x04rubbish", "the archive cannot be read"),
    ],
)
def test_what_is_no_file_of_rates(content: bytes, why: str) -> None:
    """Nothing of a file that has a fault is taken, and the fault is named."""
    with pytest.raises(NotRates, match=why):
        parse(content)


def test_an_archive_of_several_files() -> None:
    """Which of two files is meant is not guessed."""
    with pytest.raises(NotRates, match="one file"):
        parse(_zipped({"a.csv": DAILY_CSV, "b.csv": DAILY_CSV}))


def test_a_damaged_archive_is_refused_in_a_sentence() -> None:
    """Wherever a bit of it was lost, it is no traceback; and what is read is whole."""
    whole = _zipped({"eurofxref.csv": DAILY_CSV})
    for place in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        with contextlib.suppress(NotRates):
            assert parse(bytes(damaged)) == {date(2026, 1, 30): RATES}


def _zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()
