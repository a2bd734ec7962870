"""Payout files: pain.001 in, statuses in the words of pain.002 out."""

import re
from datetime import date
from typing import Any

import httpx
import pytest
from sepaxml import SepaTransfer  # type: ignore[import-untyped]

from app.sandbox.acquirer.payout_files import to_minor
from tests.acquirer.test_banks import IBAN, pay_out
from tests.support.acquirer import AcquirerProcess

CONFIG = {"name": "Suya", "IBAN": "DE89370400440532013000", "batch": True, "currency": "EUR"}


def _file(name: str, *orders: dict[str, Any]) -> bytes:
    """A file as the platform's library makes it, checked against the scheme's own XSD."""
    sepa = SepaTransfer(CONFIG, clean=False)
    for at, order in enumerate(orders, 1):
        usual = {
            "name": "Ada",
            "IBAN": IBAN,
            "amount": 1000 * at,
            "execution_date": date(2030, 1, 1),
            "description": "payout of mer_1",
            "endtoend_id": f"po_{name}_{at}",
        }
        sepa.add_payment(usual | order)
    exported: bytes = sepa.export()
    message_id = f"<MsgId>msg-{name}</MsgId>".encode()
    return re.sub(rb"<MsgId>[^<]*</MsgId>", message_id, exported)


def _upload(acquirer: AcquirerProcess, content: bytes, query: str = "") -> httpx.Response:
    return acquirer.client.post(f"/v1/payout_files{query}", content=content)


def test_a_file_makes_its_payouts(acquirer: AcquirerProcess, name: str) -> None:
    """Each order in it becomes a payout under its end-to-end id, once."""
    content = _file(name, {}, {})

    first, again = _upload(acquirer, content).json(), _upload(acquirer, content).json()
    acquirer.settle_payout(f"po_{name}_1")
    later = acquirer.ask("GET", f"/v1/payout_files/{first['id']}")

    assert first == again
    assert (first["status"], first["count"], first["message_id"]) == ("ACCP", 2, f"msg-{name}")
    assert [one["status"] for one in first["payouts"]] == ["ACSP", "ACSP"]
    assert [one["status"] for one in later["payouts"]] == ["ACSC", "ACSP"]
    payout = acquirer.ask("GET", f"/v1/payouts/po_{name}_2")
    assert (payout["amount"], payout["merchant"], payout["iban"]) == (2000, "mer_1", IBAN)


def test_a_part_of_a_file_may_be_refused(acquirer: AcquirerProcess, name: str) -> None:
    """A payout of another request is not made twice, and a bad order does not stop the others."""
    pay_out(acquirer, f"{name}_1", 1000)
    pay_out(acquirer, f"{name}_2", 1)
    content = _file(name, {}, {}, {"description": "nobody's"}, {})

    told = _upload(acquirer, content).json()

    assert told["status"] == "PART"
    statuses = {one["reference"]: (one["status"], one.get("reason")) for one in told["payouts"]}
    assert statuses == {
        f"po_{name}_1": ("ACSP", None),
        f"po_{name}_2": ("RJCT", "reference_reused"),
        f"po_{name}_3": ("RJCT", "not_understood"),
        f"po_{name}_4": ("ACSP", None),
    }
    assert len([p for p in acquirer.records("payouts") if name in p["reference"]]) == 3


def test_the_query_may_say_whose_payouts_they_are(acquirer: AcquirerProcess, name: str) -> None:
    """With `?merchant=` no remittance text has to name the merchant."""
    told = _upload(acquirer, _file(name, {"description": "x"}), "?merchant=mer_2").json()

    assert told["status"] == "ACCP"
    assert acquirer.ask("GET", f"/v1/payouts/po_{name}_1")["merchant"] == "mer_2"


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs>3</NbOfTxs>", "number_of_transactions"),
        ("<CtrlSum>30.00</CtrlSum>", "<CtrlSum>30.01</CtrlSum>", "control_sum"),
        *(
            ("<CtrlSum>30.00</CtrlSum>", f"<CtrlSum>{unread}</CtrlSum>", "control_sum")
            for unread in ("x", "30,00", "NaN", "sNaN", "3e1", "+30.00", "30.00 EUR")
        ),
    ],
)
def test_a_file_that_does_not_add_up_makes_nothing(
    right: str, wrong: str, reason: str, acquirer: AcquirerProcess, name: str
) -> None:
    """A file whose header has another count or sum than its orders makes no payout."""
    content = _file(name, {}, {}).decode()
    assert right in content

    told = _upload(acquirer, content.replace(right, wrong, 1).encode()).json()

    assert (told["status"], told["reason"], told["payouts"]) == ("RJCT", reason, [])
    assert acquirer.client.get(f"/v1/payouts/po_{name}_1").status_code == 404


@pytest.mark.parametrize(
    ("name_of", "wrong", "reason"),
    [("NbOfTxs", "3", "number_of_transactions"), ("CtrlSum", "thirty", "control_sum")],
)
def test_a_part_that_does_not_add_up_makes_nothing(
    name_of: str, wrong: str, reason: str, acquirer: AcquirerProcess, name: str
) -> None:
    """A part of a file has a count and a sum of its own, which are read as well."""
    head, found, part = _file(name, {}, {}).decode().partition("<PmtInf>")
    part = re.sub(f"<{name_of}>[^<]*<", f"<{name_of}>{wrong}<", part, count=1)
    assert f">{wrong}<" in part

    told = _upload(acquirer, (head + found + part).encode()).json()

    assert (told["status"], told["reason"], told["payouts"]) == ("RJCT", reason, [])


def test_a_message_id_names_one_file(acquirer: AcquirerProcess, name: str) -> None:
    """Another file with the same message id is refused whole."""
    _upload(acquirer, _file(name, {}))

    answer = _upload(acquirer, _file(name, {"amount": 1}))

    assert (answer.status_code, answer.json()["code"]) == (409, "reference_reused")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        b"<Document/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Document xmlns="pain.001">&a;</Document>',
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"/>',
    ],
)
def test_what_is_no_file_is_refused(content: bytes, acquirer: AcquirerProcess) -> None:
    """External entities are not read, and other documents are refused."""
    answer = _upload(acquirer, content)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file")


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("12.34", "EUR", 1234),
        ("12", "EUR", 1200),
        ("12.3", "EUR", 1230),
        ("12.340", "EUR", 1234),
        ("12.345", "EUR", None),
        ("12", "JPY", 12),
        ("12.5", "JPY", None),
        ("0.001", "KWD", 1),
        ("-1", "EUR", None),
        ("1e3", "EUR", None),
        ("", "EUR", None),
        ("1", "EUX", None),
    ],
)
def test_amounts_are_read_to_the_unit(text: str, currency: str, amount_minor: int | None) -> None:
    """A decimal that has no whole number of minor units is refused."""
    assert to_minor(text, currency) == amount_minor
