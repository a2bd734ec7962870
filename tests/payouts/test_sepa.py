"""Files for the bank: valid by the scheme's own rules, and the same however often they are made."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from defusedxml import ElementTree  # type: ignore[import-untyped]

from app.base.errors import InvariantViolated
from app.domains.payouts import formats
from app.domains.payouts.formats import Debtor, Order
from tests.support.tables import Row, table

DEBTOR = Debtor("Suya Çompany & Söhne", "DE89370400440532013000")
NAME = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.03}"


def make(*orders: Order) -> str:
    """A file of the 31st of January."""
    return formats.make_file(
        orders or [Order("po_1", "mer_1", 1_234, "NL91ABNA0417164300", "Ada")],
        DEBTOR,
        message_id="0193f0a1b2c37d4e8f90a1b2c3d4e5f6",
        day=date(2026, 1, 31),
        made_at=datetime(2026, 1, 30, 4, 5, 6, tzinfo=UTC),
    )


def texts(file: str, path: str) -> list[Any]:
    """The texts at a path of names."""
    root = ElementTree.fromstring(file)
    return [found.text for found in root.iterfind(f".//{NAME}" + path.replace("/", f"/{NAME}"))]


def test_what_a_file_says() -> None:
    """It names itself, its sums, who pays and when, and for each order who gets what."""
    file = make(
        Order("po_1", "mer_1", 1_234, "NL91ABNA0417164300", "Ada"),
        Order("po_2", "mer_1", 5, "FR1420041010050500013M02606", "Zoë Nwankwọ"),
    )

    formats.check_file(file)
    assert texts(file, "MsgId") == ["0193f0a1b2c37d4e8f90a1b2c3d4e5f6"]
    assert texts(file, "CreDtTm") == ["2026-01-30T04:05:06"]
    assert texts(file, "GrpHdr/NbOfTxs") == ["2"]
    assert texts(file, "GrpHdr/CtrlSum") == ["12.39"]
    assert texts(file, "ReqdExctnDt") == ["2026-01-31"]
    assert texts(file, "DbtrAcct/Id/IBAN") == ["DE89370400440532013000"]
    assert texts(file, "Dbtr/Nm") == ["Suya Company Sohne"]
    assert texts(file, "EndToEndId") == ["po_1", "po_2"]
    assert texts(file, "RmtInf/Ustrd") == ["po_1 mer_1", "po_2 mer_1"]
    assert texts(file, "InstdAmt") == ["12.34", "0.05"]
    assert texts(file, "CdtrAcct/Id/IBAN") == ["NL91ABNA0417164300", "FR1420041010050500013M02606"]
    assert texts(file, "Cdtr/Nm") == ["Ada", "Zoe Nwankwo"]


def test_it_is_made_twice_the_same() -> None:
    """Nothing of a file is left to chance or to the clock."""
    assert make() == make()


@table("""
    given       read
    Ada         Ada
    Å           A
    Ελένη       Elene
    🍢          NOTPROVIDED
    <b>&amp;    b_amp
    a;b         a_b
""")
def test_names_are_read_by_every_bank(row: Row) -> None:
    """Letters of other alphabets are written as theirs, and what is none is left out."""
    assert formats.sepa_text(row.given) == row.read.replace("_", " ")


def test_long_names_are_cut() -> None:
    """A name has room for 70 characters."""
    assert formats.sepa_text("x" * 141) == "x" * 70


@table("""
    iban                      amount        fits
    NL91ABNA0417164300             1         yes
    NL91ABNA0417164300   99999999999         yes
    NL91ABNA0417164300  100000000000          no
    NL91ABNA0417164300             0          no
    NL92ABNA0417164300             1          no  -- a check digit is wrong
    nl91ABNA0417164300             1          no
    NL91_ABNA0417164300            1          no
    SA0380000000608010167519       1          no  -- not in SEPA
    x                              1          no
""")
def test_an_order_is_fit_alone(row: Row) -> None:
    """What would make the file of all invalid is found in the order itself, and not repeated."""
    order = Order("po_1", "mer_1", row.amount, row.iban.replace("_", " "), "Ada")

    fault = formats.find_fault(order)

    assert (fault is None) == (row.fits == "yes")
    assert fault is None or row.iban not in fault
    if fault is None:
        formats.check_file(make(order))


def test_what_is_no_file_of_the_scheme_is_found() -> None:
    """The check is by the XSD of the scheme."""
    with pytest.raises(InvariantViolated) as raised:
        formats.check_file(make().replace("NL91ABNA0417164300", "NO91-A-NUMBER"))
    assert "IBAN" in str(raised.value)
    assert "NO91" not in str(raised.value)
