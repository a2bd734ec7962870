"""Settlement files show what happened, in both forms, to the minor unit."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from app.sandbox.acquirer.settlement import CAMT, decimal
from tests.acquirer.days import busy_day, lines_of, read_file, today
from tests.support.acquirer import AcquirerProcess

StartAcquirer = Callable[..., AcquirerProcess]
NS = f"{{{CAMT}}}"


def test_totals_equal_the_records(start_acquirer: StartAcquirer) -> None:
    """The lines add up to the list's totals, and to the records of each currency."""
    acquirer = start_acquirer()
    day = busy_day(acquirer)
    acquirer.advance(days=1)

    lines = lines_of(acquirer, day)
    (listed,) = acquirer.ask("GET", "/v1/settlements")["data"]

    for total in listed["totals"]:
        of_currency = [line for line in lines if line["currency"] == total["currency"]]
        for column in ("gross", "fee", "net"):
            assert sum(int(line[column]) for line in of_currency) == total[column]
        assert len(of_currency) == total["count"]
        assert _by_records(acquirer, total["currency"]) == total["gross"]
    assert {line["kind"] for line in lines} == {
        "capture", "refund", "refund_failed", "dispute", "dispute_won", "bank_transfer", "payout",
        "payout_returned",
    }  # fmt: skip
    assert all(int(line["gross"]) - int(line["fee"]) == int(line["net"]) for line in lines)


def _by_records(acquirer: AcquirerProcess, currency: str) -> int:
    """The gross amount that should have moved."""

    def of(kind: str) -> list[dict[str, Any]]:
        return [one for one in acquirer.records(kind) if one["currency"] == currency]

    cards = sum(one["captured_amount"] - one["refunded_amount"] for one in of("authorizations"))
    lost = sum(one["amount"] for one in of("disputes") if one["status"] != "won")
    came = sum(one.get("received_amount", 0) for one in of("bank_transfers"))
    left = sum(one["amount"] for one in of("payouts") if one["status"] == "approved")
    return int(cards - lost + came - left)


def test_camt_and_csv_agree(start_acquirer: StartAcquirer) -> None:
    """Each statement's entries lead from its opening to its closing balance, as the CSV file."""
    acquirer = start_acquirer()
    first = busy_day(acquirer)
    acquirer.advance(days=1)
    second = today(acquirer)
    acquirer.authorize("pay_9", 12_345, capture=True)
    acquirer.advance(days=1)

    closing: dict[str, Decimal] = {}
    for day in (first, second):
        document = fromstring(read_file(acquirer, day, "xml"), forbid_dtd=True)
        lines = lines_of(acquirer, day)
        for statement in document.iter(f"{NS}Stmt"):
            currency = _text(statement, "Acct/Ccy")
            of_currency = [line for line in lines if line["currency"] == currency]
            entries = statement.findall(f"{NS}Ntry")
            balances = {
                _text(balance, "Tp/CdOrPrtry/Cd"): _amount(balance)
                for balance in statement.findall(f"{NS}Bal")
            }
            assert balances["OPBD"] == closing.get(currency, Decimal())
            assert balances["OPBD"] + sum(map(_amount, entries)) == balances["CLBD"]
            assert [_text(e, "NtryDtls/TxDtls/Refs/EndToEndId") for e in entries] == [
                line["reference"] for line in of_currency
            ]
            assert [_text(entry, "Amt") for entry in entries] == [
                decimal(abs(int(line["net"])), currency) for line in of_currency
            ]
            fees = [entry.findtext(f"{NS}Chrgs/{NS}Rcrd/{NS}Amt", "0") for entry in entries]
            assert sum(map(Decimal, fees)) == sum(
                Decimal(decimal(int(line["fee"]), currency)) for line in of_currency
            )
            closing[currency] = balances["CLBD"]
    assert sorted(closing) == ["EUR", "JPY", "KWD"]


def _text(element: Element, path: str) -> str:
    text = element.findtext("/".join(NS + part for part in path.split("/")))
    assert text is not None, path
    return text


def _amount(element: Element) -> Decimal:
    """With its sign."""
    sign = 1 if _text(element, "CdtDbtInd") == "CRDT" else -1
    return sign * Decimal(_text(element, "Amt"))


def test_a_day_has_files_once_it_is_over(start_acquirer: StartAcquirer) -> None:
    """A day's file is not found before the day is over, nor for a text that is no day."""
    acquirer = start_acquirer()
    acquirer.authorize("pay_1", 1000, capture=True)
    day = today(acquirer)

    def status(name: str) -> int:
        return acquirer.client.get(f"/v1/settlements/{name}").status_code

    early = status(f"{day}.csv")
    acquirer.advance(days=2)

    assert early == 404
    assert status(f"{day}.csv") == 200
    assert status("1999-12-31.xml") == 404
    assert status("yesterday.csv") == 400
    assert status(f"{day}.pdf") == 404


def test_the_files_may_lie(start_acquirer: StartAcquirer) -> None:
    """A wrong amount is in the files alone; the records stay right."""
    acquirer = start_acquirer()
    day = today(acquirer)
    acquirer.authorize("pay_1", 1000, capture=True, fault="wrong_settlement:-7")
    acquirer.authorize("pay_2", 990022, capture=True)
    acquirer.advance(days=1)

    told = {line["reference"]: int(line["gross"]) for line in lines_of(acquirer, day)}

    assert told == {"pay_1": 993, "pay_2": 990023}
    assert acquirer.authorization("pay_1")["captured_amount"] == 1000
    fromstring(read_file(acquirer, day, "xml"))


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [(5, "EUR", "0.05"), (123456, "EUR", "1234.56"), (77, "JPY", "77"), (1, "KWD", "0.001")],
)
def test_amounts_have_their_currencys_digits(amount_minor: int, currency: str, text: str) -> None:
    """Amounts have no floats, and yen no cents."""
    assert decimal(amount_minor, currency) == text
