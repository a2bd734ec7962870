"""Banks over the wire: money that is expected, and money that is sent."""

from typing import Any

from stdnum import iban

from tests.acquirer.receiver import Receiver
from tests.support.acquirer import AcquirerProcess

IBAN = "DE89370400440532013000"


def expect(acquirer: AcquirerProcess, name: str, amount_minor: int = 5000) -> dict[str, Any]:
    """A bank transfer `bt_<name>`."""
    body = {"reference": f"bt_{name}", "merchant": "mer_1", "currency": "EUR"}
    return acquirer.ask("POST", "/v1/bank_transfers", body | {"amount": amount_minor})


def pay_out(
    acquirer: AcquirerProcess, name: str, amount_minor: int = 5000, account: str = IBAN
) -> dict[str, Any]:
    """A payout `po_<name>`."""
    body = {"reference": f"po_{name}", "merchant": "mer_1", "currency": "EUR", "name": "Ada"}
    return acquirer.ask("POST", "/v1/payouts", body | {"amount": amount_minor, "iban": account})


def find(acquirer: AcquirerProcess, kind: str, reference: str) -> dict[str, Any]:
    """Its record."""
    return acquirer.ask("GET", f"/v1/{kind}/{reference}")


def test_each_transfer_has_an_account_of_its_own(acquirer: AcquirerProcess, name: str) -> None:
    """Each bank transfer has an account of its own, with right check digits."""
    first, second = expect(acquirer, f"{name}_1"), expect(acquirer, f"{name}_2")

    ibans = {one["instructions"]["iban"] for one in (first, second)}
    assert len(ibans) == 2
    assert all(iban.is_valid(one, check_country=False) for one in ibans)
    assert first["status"] == "pending"
    assert "received_amount" not in first


def test_money_arrives_on_command(acquirer: AcquirerProcess, receiver: Receiver, name: str) -> None:
    """The amount that arrived is notified, be it the expected one or not."""
    expect(acquirer, name, 5000)

    arrived = acquirer.arrive(f"bt_{name}", 4999)
    again = acquirer.arrive(f"bt_{name}")

    assert (arrived["status"], arrived["amount"], arrived["received_amount"]) == (
        "approved",
        5000,
        4999,
    )
    assert again == arrived
    (told,) = [delivery.told for delivery in receiver.wait(f"bt_{name}")]
    assert (told["type"], told["merchant"]) == ("bank_transfer.updated", "mer_1")
    assert told["data"]["status"] == "approved"


def test_money_arrives_the_next_day(acquirer: AcquirerProcess, name: str) -> None:
    """The money arrives by the clock, or else the transfer expires after a week."""
    expect(acquirer, name)
    expect(acquirer, f"{name}_never", 990018)

    acquirer.advance(seconds=86_300)
    early = find(acquirer, "bank_transfers", f"bt_{name}")["status"]
    acquirer.advance(seconds=100)
    in_time = find(acquirer, "bank_transfers", f"bt_{name}")["status"]
    acquirer.advance(days=6)
    given_up = find(acquirer, "bank_transfers", f"bt_{name}_never")["status"]
    late = acquirer.client.post(f"/sandbox/bank_transfers/bt_{name}_never/arrive")

    assert (early, in_time, given_up) == ("pending", "approved", "expired")
    assert (late.status_code, late.json()["code"]) == (409, "expired")


def test_a_payout_is_paid_the_next_day(
    acquirer: AcquirerProcess, receiver: Receiver, name: str
) -> None:
    """A payout is under way until the clock has moved."""
    assert pay_out(acquirer, name)["status"] == "pending"

    acquirer.advance(days=1)

    assert find(acquirer, "payouts", f"po_{name}")["status"] == "approved"
    assert receiver.wait(f"po_{name}")[0].told["data"]["status"] == "approved"


def test_a_payout_may_end_otherwise(acquirer: AcquirerProcess, name: str) -> None:
    """A payout may be canceled, refused by its bank, returned days later, or declined at once."""
    for end in ("canceled", "failed", "returned", "paid"):
        pay_out(acquirer, f"{name}_{end}")
    canceled = acquirer.ask("POST", f"/v1/payouts/po_{name}_canceled/cancel")
    failed = acquirer.settle_payout(f"po_{name}_failed", "fail")
    acquirer.settle_payout(f"po_{name}_returned")
    returned = acquirer.settle_payout(f"po_{name}_returned", "return")
    acquirer.settle_payout(f"po_{name}_paid")
    too_late = acquirer.ask("POST", f"/v1/payouts/po_{name}_paid/cancel")
    declined = pay_out(acquirer, f"{name}_declined", account="DE00370400440532013000")

    acquirer.advance(days=2)

    assert [one["status"] for one in (canceled, failed, returned, too_late, declined)] == [
        "canceled", "declined", "returned", "approved", "declined",
    ]  # fmt: skip
    assert declined["decline_code"] == "invalid_account"
    for one in (canceled, failed, returned, too_late, declined):
        assert find(acquirer, "payouts", one["reference"]) == one


def test_paid_money_comes_back_by_itself(acquirer: AcquirerProcess, name: str) -> None:
    """A payout of the magic amount is paid, and returned two days later."""
    pay_out(acquirer, name, 990017)

    acquirer.advance(days=1)
    paid = find(acquirer, "payouts", f"po_{name}")["status"]
    acquirer.advance(days=2)
    returned = find(acquirer, "payouts", f"po_{name}")["status"]

    assert (paid, returned) == ("approved", "returned")


def test_an_order_acts_once(acquirer: AcquirerProcess, name: str) -> None:
    """The same payout again is the same one, however its account is written."""
    first = pay_out(acquirer, name)

    assert pay_out(acquirer, name, account="DE89 3704 0044 0532 0130 00") == first
    body = {"reference": f"po_{name}", "merchant": "mer_1", "currency": "EUR", "name": "Ada"}
    other = acquirer.client.post("/v1/payouts", json=body | {"amount": 1, "iban": IBAN})
    assert other.status_code == 409
