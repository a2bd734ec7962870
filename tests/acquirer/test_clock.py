"""The test clock: it moves by days, and timers on the way run in their order."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.support.acquirer import AcquirerProcess

StartAcquirer = Callable[..., AcquirerProcess]


def _now(acquirer: AcquirerProcess) -> datetime:
    return datetime.fromisoformat(acquirer.ask("GET", "/sandbox/clock")["now"])


def test_it_moves(acquirer: AcquirerProcess) -> None:
    """The clock moves forward by the given time, and never back."""
    before = _now(acquirer)
    acquirer.advance(days=3)
    after = _now(acquirer)

    assert timedelta(days=3) <= after - before < timedelta(days=3, minutes=5)
    back = acquirer.client.post("/sandbox/clock", json={"advance_s": -1})
    assert back.status_code == 400


def test_an_authorization_lapses(acquirer: AcquirerProcess, name: str) -> None:
    """After seven days an authorization cannot be captured any more."""
    acquirer.authorize(f"pay_{name}", 1000)
    acquirer.advance(days=6)
    in_time = acquirer.capture(f"pay_{name}", f"cap_{name}_1", 1)
    acquirer.advance(days=1)
    late = acquirer.capture(f"pay_{name}", f"cap_{name}_2", 1)

    assert in_time["status"] == "approved"
    assert (late["status"], late["decline_code"]) == ("declined", "authorization_expired")


def test_a_challenge_expires_after_an_hour(acquirer: AcquirerProcess, name: str) -> None:
    """A 3-D Secure page expires after an hour."""
    held = acquirer.authorize(f"pay_{name}", 1000, number="4000000000003220")

    acquirer.advance(seconds=3600)

    acquirer.answer_challenge(held["action_url"])
    after = acquirer.authorization(f"pay_{name}")
    assert (after["status"], after["decline_code"]) == ("declined", "authentication_abandoned")


def test_days_of_a_long_leap_are_settled_apart(start_acquirer: StartAcquirer) -> None:
    """Events that follow from each other have their own days, though the clock leaps."""
    acquirer = start_acquirer()
    began = _now(acquirer).date()
    body = {"reference": "po_1", "merchant": "mer_1", "currency": "EUR", "amount": 990017}
    account = {"iban": "DE89370400440532013000", "name": "Ada"}
    acquirer.ask("POST", "/v1/payouts", body | account)

    acquirer.advance(days=30)

    days = [day["settled_on"] for day in acquirer.ask("GET", "/v1/settlements")["data"]]
    wanted = [began + timedelta(days=3), began + timedelta(days=1)]
    assert days == [day.isoformat() for day in wanted]
    assert acquirer.ask("GET", "/v1/payouts/po_1")["status"] == "returned"


def test_many_things_happen_in_one_leap(start_acquirer: StartAcquirer) -> None:
    """A leap is answered when all of its events have happened."""
    acquirer = start_acquirer()
    body = {"merchant": "mer_1", "currency": "EUR", "amount": 100}
    for n in range(600):
        acquirer.ask("POST", "/v1/bank_transfers", body | {"reference": f"bt_{n}"})

    acquirer.advance(days=2)

    assert {one["status"] for one in acquirer.records("bank_transfers")} == {"approved"}


def test_records_come_in_pages(start_acquirer: StartAcquirer) -> None:
    """A list has all records of a kind, in order, each once, of one merchant or of all."""
    acquirer = start_acquirer()
    for n in range(30):
        acquirer.authorize(f"pay_{n}", 100 + n, merchant=f"mer_{n % 2}", capture=True)
        acquirer.refund(f"pay_{n}", f"re_{n}", 1)

    everyone = acquirer.records("authorizations", limit="7")
    one = acquirer.records("refunds", limit="7", merchant="mer_1")

    assert [record["reference"] for record in everyone] == [f"pay_{n}" for n in range(30)]
    assert [record["reference"] for record in one] == [f"re_{n}" for n in range(1, 30, 2)]
    for query in ("kind=cards", "kind=refunds&limit=0", "kind=refunds&after=x"):
        assert acquirer.client.get(f"/v1/records?{query}").status_code == 400
