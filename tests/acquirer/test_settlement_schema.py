"""The camt.053 files are valid by ISO 20022, down to every element."""

from collections.abc import Callable
from decimal import Decimal
from importlib import metadata
from xml.etree.ElementTree import Element

import pytest
import xmlschema
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from app.sandbox.acquirer.settlement import CAMT
from tests.acquirer.days import busy_day, read_file, today
from tests.support.acquirer import AcquirerProcess

NS = f"{{{CAMT}}}"
_XSD = "camt053/xsd/camt.053.001.08.xsd"


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    """The message definition as ISO publishes it."""
    # Not imported: of that package only this file is wanted, and nothing it depends on is here.
    try:
        path = metadata.distribution("camt053").locate_file(_XSD)
    except metadata.PackageNotFoundError:
        pytest.skip("the schema is not installed: run scripts/setup")
    found = xmlschema.XMLSchema(str(path))
    assert found.target_namespace == CAMT
    return found


def _entries(statement: Element) -> list[Element]:
    return statement.findall(f"{NS}Ntry")


def _amount(element: Element) -> Decimal:
    """With its sign."""
    sign = {"CRDT": 1, "DBIT": -1}[element.findtext(f"{NS}CdtDbtInd", "")]
    return sign * Decimal(element.findtext(f"{NS}Amt", ""))


def test_a_day_of_everything_is_valid(
    start_acquirer: Callable[..., AcquirerProcess], schema: xmlschema.XMLSchema
) -> None:
    """Every kind of movement, in currencies of three exponents, and then a day without any."""
    acquirer = start_acquirer()
    first = busy_day(acquirer)
    acquirer.advance(days=1)
    second = today(acquirer)
    acquirer.advance(days=1)

    schema.validate(read_file(acquirer, first, "xml"))
    schema.validate(read_file(acquirer, second, "xml"))

    statements = list(fromstring(read_file(acquirer, first, "xml")).iter(f"{NS}Stmt"))
    assert len(statements) == 3
    assert all(map(_entries, statements))
    later = list(fromstring(read_file(acquirer, second, "xml")).iter(f"{NS}Stmt"))
    assert [_entries(statement) for statement in later] == [[], [], []]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("</Id><CreDtTm>", "</Id><Ccy>EUR</Ccy><CreDtTm>"),
        ("<Cd>OPBD</Cd>", "<Code>OPBD</Code>"),
        ('<Amt Ccy="EUR">', "<Amt>"),
        ("<CdtDbtInd>CRDT", "<CdtDbtInd>IN"),
        ("</Amt>", "e2</Amt>"),
        ("<Ustrd>", "<Ustrd></Ustrd><Ustrd>"),
    ],
)
def test_a_wrong_file_is_not(
    start_acquirer: Callable[..., AcquirerProcess],
    schema: xmlschema.XMLSchema,
    right: str,
    wrong: str,
) -> None:
    """The schema notices a wrong element, order, code, amount or length."""
    acquirer = start_acquirer()
    day = today(acquirer)
    acquirer.authorize("pay_1", 1_000, currency="EUR", capture=True)
    acquirer.advance(days=1)
    text = read_file(acquirer, day, "xml")

    assert right in text
    assert schema.is_valid(text)
    assert not schema.is_valid(text.replace(right, wrong))


def test_references_longer_than_a_bank_takes_are_valid(
    start_acquirer: Callable[..., AcquirerProcess], schema: xmlschema.XMLSchema
) -> None:
    """ISO 20022 has 35 characters for a reference; a longer one is among the details."""
    acquirer = start_acquirer()
    day = today(acquirer)
    acquirer.authorize("p" * 64, 1_000)
    acquirer.capture("p" * 64, "c" * 64, 1_000)
    acquirer.authorize("q" * 35, 1_000, capture=True)
    acquirer.advance(days=1)

    text = read_file(acquirer, day, "xml")

    schema.validate(text)
    [captured, charged] = fromstring(text).iter(f"{NS}TxDtls")
    told = captured.findtext(f"{NS}AddtlTxInf", "")
    assert "c" * 64 in told
    assert "p" * 64 in told
    assert charged.findtext(f"{NS}Refs/{NS}EndToEndId") == "q" * 35
    assert charged.find(f"{NS}AddtlTxInf") is None


def test_what_a_statement_says_of_itself_adds_up(
    start_acquirer: Callable[..., AcquirerProcess],
) -> None:
    """The summary counts and sums what follows, which no schema can compare."""
    acquirer = start_acquirer()
    day = busy_day(acquirer)
    acquirer.advance(days=1)

    for statement in fromstring(read_file(acquirer, day, "xml")).iter(f"{NS}Stmt"):
        summary = statement.find(f"{NS}TxsSummry/{NS}TtlNtries")
        entries = _entries(statement)
        assert summary is not None
        assert summary.findtext(f"{NS}NbOfNtries") == str(len(entries))
        total = summary.find(f"{NS}TtlNetNtry")
        assert total is not None
        assert _amount(total) == sum(map(_amount, entries))
