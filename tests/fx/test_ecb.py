"""The European Central Bank's files, as it publishes them, and files that are something else."""

import contextlib
import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from app.domains.fx.formats import NotRates, parse

USUAL = {
    "USD": "1.1919", "JPY": "183.59", "CZK": "24.314", "DKK": "7.4675", "GBP": "0.8668",
    "HUF": "380.90", "PLN": "4.2115", "SEK": "10.5740", "CHF": "0.9165", "NOK": "11.3920",
    "AUD": "1.7030", "CAD": "1.6160", "HKD": "9.3070", "KRW": "1714.02", "NZD": "1.9690",
    "SGD": "1.5145", "ZAR": "18.9090",
}  # fmt: skip
"""What the bank has published on each day since 1999."""
_CUBES = "".join(f"<Cube currency='{name}' rate='{rate}'/>" for name, rate in USUAL.items())
DAILY_XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
	<Cube>
		<Cube time='2026-01-30'>
			{_CUBES}
			<Cube currency='LTL' rate='3.4528'/>
		</Cube>
	</Cube>
</gesmes:Envelope>
"""
NAMES, VALUES = ", ".join(USUAL), ", ".join(USUAL.values())
DAILY_CSV = f"Date, {NAMES}, LTL, \n30 January 2026, {VALUES}, 3.4528, \n"
RATES = {name: Decimal(rate) for name, rate in USUAL.items()}
HISTORY_CSV = f"""Date,{NAMES},LTL,RUB,
2026-01-30,{VALUES},N/A,N/A,
2026-01-29,{VALUES},N/A,N/A,
2012-03-01,{VALUES},3.4528,38.9820,
"""


@pytest.mark.parametrize("text", [DAILY_XML, DAILY_CSV, "\ufeff" + DAILY_CSV])
def test_the_rates_of_a_day(text: str) -> None:
    """XML and CSV say the same; a currency that no longer exists is left out."""
    assert parse(text.encode()) == {date(2026, 1, 30): RATES}


def test_the_rates_of_many_days() -> None:
    """In the history each day has the rates that were published on it."""
    days = parse(HISTORY_CSV.encode())

    assert days[date(2026, 1, 30)] == RATES
    assert days[date(2012, 3, 1)] == RATES | {"RUB": Decimal("38.9820")}
    assert len(days) == 3


def test_many_days_of_xml() -> None:
    """The last ninety days are one cube after the other."""
    begin, _, rest = DAILY_XML.partition("\t\t<Cube time")
    more = f"\t\t<Cube time='2026-01-29'>{_CUBES.replace('1.1919', '1.1968')}</Cube>\n"

    days = parse((begin + more + "\t\t<Cube time" + rest).encode())

    assert days == {
        date(2026, 1, 29): RATES | {"USD": Decimal("1.1968")},
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
        (b"Date,USD,\n2026-01-30,1.19,\n", "2026-01-30 has no rate of AUD, CAD, .*ZAR"),
        (DAILY_CSV.replace("183.59", "N/A").encode(), "2026-01-30 has no rate of JPY"),
        (DAILY_XML.replace("GBP", "GBX").encode(), "2026-01-30 has no rate of GBP"),
        (DAILY_CSV.replace(", 3.4528, ", "").encode(), "of 30 January 2026 has 18 fields of 20"),
        (DAILY_CSV.replace("USD, JPY", "USD, USD").encode(), "USD is in it twice"),
        (HISTORY_CSV.replace("-29", "-30").encode(), "2026-01-30 is in it twice"),
        (b"Date,USD,\n2026-01-30,1.1\r9,\n", "has 2 fields of 3"),
        (b"Date,USD,\n2026-01-30," + b"1" * 200_000 + b",\n", "it is not CSV"),
    ],
)
def test_what_is_no_file_of_rates(content: bytes, why: str) -> None:
    """Nothing of a file that has a fault is taken, and the fault is named."""
    with pytest.raises(NotRates, match=why):
        parse(content)


@pytest.mark.parametrize("whole", [DAILY_CSV, DAILY_XML], ids=["csv", "xml"])
def test_a_file_that_was_cut_is_refused(whole: str) -> None:
    """Wherever it was cut: half a line has half a rate in it."""
    for length in range(len(whole.rstrip())):
        with pytest.raises(NotRates):
            parse(whole[:length].encode())


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
