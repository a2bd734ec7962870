"""An answer survives a kill, and a request acts once wherever it was interrupted."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.devkit.stack import DidNotStart
from tests.support.acquirer import AcquirerProcess, authorization

StartAcquirer = Callable[..., AcquirerProcess]
CLIENTS = 8
BEFORE_KILL = 200  # answers; each life makes about so many more before it dies


@pytest.mark.chaos
def test_no_answered_authorization_is_lost(start_acquirer: StartAcquirer) -> None:
    """Killed under load three times, it has each answered authorization once, and its money."""
    acquirer = start_acquirer()
    answered: dict[str, str] = {}
    for life in range(3):
        _load_until_killed(acquirer, life, answered)
        acquirer.start()

    records = acquirer.records("authorizations")

    by_reference = {record["reference"]: record["id"] for record in records}
    assert len(by_reference) == len(records)
    assert answered.items() <= by_reference.items()
    assert len(answered) >= 3 * BEFORE_KILL
    acquirer.advance(days=1)
    (day,) = acquirer.ask("GET", "/v1/settlements")["data"]
    (total,) = day["totals"]
    captured = sum(record["captured_amount"] for record in records)
    assert (total["count"], total["gross"]) == (len(records), captured)


def _load_until_killed(acquirer: AcquirerProcess, life: int, answered: dict[str, str]) -> None:
    """Authorize from many threads, and kill it in the middle of that."""
    enough = threading.Event()
    goal = len(answered) + BEFORE_KILL

    def load(client_number: int) -> None:
        number = 0
        while True:
            reference = f"pay_{life}_{client_number}_{number}"
            number += 1
            body = authorization(reference, 1000 + number, capture=True)
            try:
                answer = acquirer.client.post("/v1/authorizations", json=body)
            except httpx.TransportError:
                return
            assert answer.status_code == 200
            answered[reference] = answer.json()["id"]
            if len(answered) >= goal:
                enough.set()

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load, number) for number in range(CLIENTS)]
        assert enough.wait(60)
        acquirer.kill()
        for client in clients:
            client.result()


def test_a_repetition_after_a_restart_acts_once(start_acquirer: StartAcquirer) -> None:
    """After a restart it still has its references, its clock and its timers."""
    acquirer = start_acquirer()
    first = acquirer.authorize("pay_1", 1000, capture=True)
    refund = acquirer.refund("pay_1", "re_1", 100)
    body = {"reference": "bt_1", "merchant": "mer_1", "currency": "EUR", "amount": 500}
    acquirer.ask("POST", "/v1/bank_transfers", body)
    acquirer.advance(seconds=86_000)
    acquirer.kill()

    acquirer.start()

    assert acquirer.authorize("pay_1", 1000, capture=True)["id"] == first["id"]
    assert acquirer.refund("pay_1", "re_1", 100) == refund
    acquirer.advance(seconds=500)
    assert acquirer.ask("GET", "/v1/bank_transfers/bt_1")["status"] == "approved"


def test_one_process_has_a_file(start_acquirer: StartAcquirer) -> None:
    """A second process on the file ends with a message."""
    start_acquirer()

    with pytest.raises(DidNotStart, match="Another acquirer has"):
        start_acquirer()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"key": ""}, "SUYA_ACQUIRER_KEY"),
        ({"key": "short"}, "SUYA_ACQUIRER_KEY"),
        ({"latency_ms": "-1"}, "SUYA_ACQUIRER_LATENCY_MS"),
    ],
    ids=str,
)
def test_a_wrong_setting_stops_the_start(
    settings: dict[str, str], said: str, start_acquirer: StartAcquirer
) -> None:
    """The message names the wrong setting."""
    with pytest.raises(DidNotStart, match=said):
        start_acquirer(**settings)


def test_it_does_not_run_in_production(start_acquirer: StartAcquirer) -> None:
    """A sandbox makes money from nothing, so it refuses to run in production."""
    acquirer = start_acquirer()
    acquirer.stop()

    with pytest.raises(DidNotStart, match="does not run in production"):
        acquirer.start(environment="production")
