"""Faults on request: by header, by magic amount, by script, or drawn with a seed."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.sandbox.acquirer.faults import (
    DECISION,
    TRANSPORT,
    Faults,
    MalformedFault,
    OneShot,
    Script,
    parse,
)
from app.sandbox.acquirer.testcards import MAGIC_AMOUNTS, TEST_CARDS
from tests.acquirer.receiver import Receiver
from tests.support.acquirer import ANSWER_S, AcquirerProcess, authorization
from tests.support.tables import Row, table

IMPATIENT_S = 0.5  # for answers that are held back for a minute


def _post(
    acquirer: AcquirerProcess,
    body: dict[str, Any],
    fault: str | None = None,
    *,
    patience_s: float = ANSWER_S,
) -> str:
    """Post an authorization; returns its end: a status, `timeout` or `broken`."""
    headers = {} if fault is None else {"sandbox-fault": fault}
    try:
        answer = acquirer.client.post(
            "/v1/authorizations", json=body, headers=headers, timeout=patience_s
        )
    except httpx.TimeoutException:
        return "timeout"
    except httpx.TransportError:
        return "broken"
    return str(answer.status_code)


def _outcome(acquirer: AcquirerProcess, reference: str) -> str:
    """The state of the authorization afterwards."""
    answer = acquirer.client.get(f"/v1/authorizations/{reference}")
    return str(answer.json()["status"] if answer.status_code == 200 else answer.status_code)


def _strike(acquirer: AcquirerProcess, row: Row, body: dict[str, Any], fault: str | None) -> None:
    """Check the end of a request and the state afterwards, as its row has them."""
    patience_s = IMPATIENT_S if row.answer == "timeout" else ANSWER_S
    assert _post(acquirer, body, fault, patience_s=patience_s) == str(row.answer)
    # Who did not wait for an answer may be faster than what was asked for.
    deadline = time.monotonic() + ANSWER_S
    while _outcome(acquirer, body["reference"]) != str(row.outcome):
        assert time.monotonic() < deadline
        time.sleep(0.02)


FAULTS = """
    fault                 amount  answer   outcome
    500_before            990004  500      404
    500_after             990003  500      approved
    drop_before           990006  broken   404
    drop_after            990005  broken   approved
    timeout_before        990002  timeout  404
    timeout_after         990001  timeout  approved
    slow:60               990007  timeout  approved
    late:60               990008  timeout  404
    late_decline:60       990011  timeout  503
    late_approval:60      990012  timeout  503
    decline:stolen_card   990013  200      declined
    requires_action       990015  200      requires_action
    refuse:unprocessable  990019  422      404
"""


@table(FAULTS)
def test_a_header_asks_for_a_fault(row: Row, acquirer: AcquirerProcess, name: str) -> None:
    """The first request under a reference gets the fault; its effect shows afterwards."""
    _strike(acquirer, row, authorization(f"pay_{name}", 1000), str(row.fault))


@table(FAULTS)
def test_an_amount_asks_for_a_fault(row: Row, acquirer: AcquirerProcess, name: str) -> None:
    """A magic amount has the effect of the header, though it waits for seconds only."""
    _strike(acquirer, row, authorization(f"pay_{name}", row.amount), None)


def test_a_repetition_gets_past_a_fault(acquirer: AcquirerProcess, name: str) -> None:
    """A fault of the connection occurs once under a reference, even if it is requested again."""
    for at, fault in enumerate(["500_before", "500_after", "drop_before", "drop_after", "slow:60"]):
        body = authorization(f"pay_{name}_{at}", 1000, capture=True)
        patience_s = IMPATIENT_S if fault == "slow:60" else ANSWER_S

        assert _post(acquirer, body, fault, patience_s=patience_s) != "200"
        assert _post(acquirer, body, fault) == "200"
        assert acquirer.authorization(f"pay_{name}_{at}")["captured_amount"] == 1000


@pytest.mark.parametrize(
    ("fault", "status"), [("late_decline:1", "declined"), ("late_approval:1", "approved")]
)
def test_a_bank_may_decide_late(
    fault: str, status: str, acquirer: AcquirerProcess, receiver: Receiver, name: str
) -> None:
    """A late decision is unknown for a while, also to a repetition, and is then notified."""
    body = authorization(f"pay_{name}", 1000, capture=True)

    assert _post(acquirer, body, fault, patience_s=IMPATIENT_S) == "timeout"
    (told,) = [delivery.told for delivery in receiver.wait(f"pay_{name}")]

    assert told["data"]["status"] == status
    held = acquirer.authorization(f"pay_{name}")
    assert held["captured_amount"] == (1000 if status == "approved" else 0)


def test_a_request_may_arrive_late(acquirer: AcquirerProcess, name: str) -> None:
    """A late request takes effect, unless its reversal comes first."""
    bodies = [authorization(f"pay_{name}_{n}", 1000, capture=True) for n in range(2)]
    for body in bodies:
        assert _post(acquirer, body, "late:3", patience_s=IMPATIENT_S) == "timeout"
    acquirer.reverse(f"pay_{name}_1", f"rev_{name}")

    deadline = time.monotonic() + 30
    while "404" in {_outcome(acquirer, f"pay_{name}_{n}") for n in range(2)}:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert [_outcome(acquirer, f"pay_{name}_{n}") for n in range(2)] == ["approved", "voided"]
    assert acquirer.authorization(f"pay_{name}_1")["captured_amount"] == 0


def test_the_next_requests_fail(acquirer: AcquirerProcess, name: str) -> None:
    """A one-shot fault hits so many requests of its kind, and no others."""
    acquirer.fail_next("500_before", operation="capture", times=2)
    acquirer.authorize(f"pay_{name}", 1000)

    path, body = f"/v1/authorizations/pay_{name}/captures", {"reference": f"cap_{name}"}
    captures = [acquirer.client.post(path, json=body | {"amount": 1}).status_code for _ in range(3)]

    assert captures == [500, 500, 200]
    assert acquirer.ask("GET", "/sandbox/faults")["next"] == []


def test_captures_and_refunds_can_be_declined(acquirer: AcquirerProcess, name: str) -> None:
    """A declined capture or refund leaves the authorization unchanged."""
    acquirer.authorize(f"pay_{name}", 1000)
    acquirer.fail_next("decline:suspected_fraud", operation="capture")
    declined = acquirer.capture(f"pay_{name}", f"cap_{name}_1", 400)
    acquirer.capture(f"pay_{name}", f"cap_{name}_2", 400)
    acquirer.fail_next("decline", operation="refund")
    refused = acquirer.refund(f"pay_{name}", f"re_{name}", 100)

    held = acquirer.authorization(f"pay_{name}")
    assert (declined["status"], declined["decline_code"]) == ("declined", "suspected_fraud")
    assert (refused["status"], refused["decline_code"]) == ("declined", "generic_decline")
    assert (held["captured_amount"], held["refunded_amount"]) == (400, 0)


def test_a_refund_fails_after_success(
    acquirer: AcquirerProcess, receiver: Receiver, name: str
) -> None:
    """An approved refund fails days later, on command or by its amount."""
    acquirer.authorize(f"pay_{name}", 2_000_000, capture=True)
    first = acquirer.refund(f"pay_{name}", f"re_{name}_1", 990017)
    second = acquirer.refund(f"pay_{name}", f"re_{name}_2", 500)
    between = acquirer.authorization(f"pay_{name}")["refunded_amount"]

    acquirer.advance(days=2)
    acquirer.fail_refund(f"re_{name}_2")

    assert {first["status"], second["status"]} == {"approved"}
    assert between == 990517
    assert acquirer.authorization(f"pay_{name}")["refunded_amount"] == 0
    for reference in (f"re_{name}_1", f"re_{name}_2"):
        assert acquirer.ask("GET", f"/v1/refunds/{reference}")["status"] == "failed"
        assert receiver.wait(reference)[0].told["data"]["status"] == "failed"


def test_being_down_does_nothing(acquirer: AcquirerProcess, name: str) -> None:
    """A sandbox that is down breaks connections, one in maintenance says so; control works."""
    acquirer.script(down=True)
    down = _post(acquirer, authorization(f"pay_{name}", 1000))
    acquirer.script(maintenance=True)
    maintained = _post(acquirer, authorization(f"pay_{name}", 1000))
    acquirer.script()

    assert (down, maintained) == ("broken", "503")
    assert _outcome(acquirer, f"pay_{name}") == "404"


def test_latency_is_waited_by_all_at_once(acquirer: AcquirerProcess, name: str) -> None:
    """A slow sandbox serves many requests at a time, and does their work before it waits."""
    acquirer.script(latency_ms=400)
    began = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda n: acquirer.authorize(f"pay_{name}_{n}", 100), range(32)))
    taken_s = time.monotonic() - began

    assert 0.4 <= taken_s < 32 * 0.4


def test_errors_by_chance_repeat_with_their_seed() -> None:
    """The same seed chooses the same requests and the same faults."""

    def struck(seed: int) -> list[str]:
        script = Script(error_rate=0.3, error_faults=("500_before", "drop_after"), seed=seed)
        faults = Faults(script)
        chosen = [faults.choose("capture", f"cap_{n}", 1, None) for n in range(1000)]
        return ["" if fault is None else fault.name for fault in chosen]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 200 < sum(map(bool, struck(1))) < 400
    assert set(struck(1)) == {"", "500_before", "drop_after"}


def test_a_header_goes_before_the_script_before_the_amount() -> None:
    """If several faults apply, one of them occurs, in this order."""
    faults = Faults(Script(next=(OneShot(fault="drop_after"),)))

    chosen = [
        faults.choose("authorization", "pay_1", 990001, header)
        for header in ("500_before", None, None, None)
    ]

    assert [None if fault is None else fault.name for fault in chosen] == [
        "500_before", "drop_after", "timeout_after", None,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "explode", "slow:fast", "slow:601", "down:1", "duplicate:x"])
def test_a_fault_that_does_not_exist_is_refused(
    text: str, acquirer: AcquirerProcess, name: str
) -> None:
    """A misspelt fault is an error and not a request without one."""
    with pytest.raises(MalformedFault):
        parse(text)

    assert _post(acquirer, authorization(f"pay_{name}", 1000), text) == "400"
    assert acquirer.client.put("/sandbox/faults", json={"error_faults": [text]}).status_code == 400
    assert _outcome(acquirer, f"pay_{name}") == "404"


@pytest.mark.parametrize("text", ["slow", "slow:3", "slow:3s", "slow:3000ms"])
def test_durations(text: str) -> None:
    """Seconds, unless they are milliseconds."""
    assert parse(text).duration_ms == (5000 if text == "slow" else 3000)


def test_all_of_it_is_documented() -> None:
    """docs/sandbox.md names every card, every fault and every magic amount."""
    document = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")

    wanted = [*TEST_CARDS, *map(str, MAGIC_AMOUNTS), *TRANSPORT, *DECISION]
    assert [word for word in wanted if f"`{word}" not in document] == []
    assert [word for word in Script.__struct_fields__ if f"`{word}`" not in document] == []
