"""Notifications: signed, repeated until they are received, and unreliable on request."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from app.devkit.stack import DidNotStart
from tests.acquirer.receiver import WAIT_S, Receiver
from tests.support.acquirer import AcquirerProcess
from tests.support.processes import free_port

StartAcquirer = Callable[..., AcquirerProcess]


def _change(acquirer: AcquirerProcess, name: str, **fields: Any) -> str:
    """Change something that no request waits for (a payer approves); returns its reference."""
    reference = f"pay_{name}"
    held = acquirer.authorize(reference, 1000, number="4000000000003220", **fields)
    acquirer.answer_challenge(held["action_url"])
    return reference


def _wait_until_none_waits(acquirer: AcquirerProcess) -> None:
    deadline = time.monotonic() + WAIT_S
    while acquirer.ask("GET", "/sandbox/notifications")["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_notification_is_signed(acquirer: AcquirerProcess, receiver: Receiver, name: str) -> None:
    """A notification has the headers of Standard Webhooks, and a signature over its text."""
    (delivery,) = receiver.wait(_change(acquirer, name))

    assert delivery.is_signed()
    assert abs(int(delivery.headers["webhook-timestamp"]) - time.time()) < 300
    assert delivery.told["id"] == delivery.id
    assert delivery.told["type"] == "authorization.updated"
    assert delivery.told["merchant"] == "mer_of_the_tests"
    assert delivery.told["data"] == {
        "reference": f"pay_{name}",
        "status": "approved",
        "amount": 1000,
        "currency": "EUR",
    }


def test_what_was_answered_is_not_notified(
    acquirer: AcquirerProcess, receiver: Receiver, name: str
) -> None:
    """Only later changes are notified, unless the script wants all."""
    acquirer.authorize(f"pay_{name}_1", 1000)
    acquirer.script(notify_all=True)
    acquirer.authorize(f"pay_{name}_2", 1000)

    receiver.wait(f"pay_{name}_2")

    assert receiver.about(f"pay_{name}_1") == []


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_notification_is_repeated_until_it_is_received(
    status: int, acquirer: AcquirerProcess, receiver: Receiver, name: str
) -> None:
    """Any answer but 2xx leads to another attempt, with the same id and a new signature."""
    _wait_until_none_waits(acquirer)
    receiver.statuses[:] = [status]

    first, second = receiver.wait(_change(acquirer, name), 2)

    assert (first.id, first.body) == (second.id, second.body)
    assert second.is_signed()


def test_duplicates(acquirer: AcquirerProcess, receiver: Receiver, name: str) -> None:
    """Script and fault each ask for copies, which share their id."""
    acquirer.script(notifications={"copies": 2})
    by_script = receiver.wait(_change(acquirer, f"{name}_1"), 3)
    acquirer.script()
    challenged = acquirer.authorize(f"pay_{name}_2", 990021, number="4000000000003220")
    acquirer.answer_challenge(challenged["action_url"])
    by_amount = receiver.wait(f"pay_{name}_2", 3)

    assert [len({one.id for one in some}) for some in (by_script, by_amount)] == [1, 1]


def test_reordering(acquirer: AcquirerProcess, receiver: Receiver, name: str) -> None:
    """Every second notification is held back, so that the next overtakes it."""
    acquirer.script(notifications={"reorder_ms": 1500})
    names = [f"{name}_{n}" for n in range(4)]
    changed = [_change(acquirer, one) for one in names]

    for one in changed:
        receiver.wait(one)

    came = [d.told["data"]["reference"] for d in receiver.deliveries]
    came = [reference for reference in came if reference in changed]
    assert sorted(came) == changed
    assert came != changed


def test_delay_and_pause(acquirer: AcquirerProcess, receiver: Receiver, name: str) -> None:
    """A delayed or paused notification waits, and then comes."""
    acquirer.script(notifications={"paused": True})
    paused = _change(acquirer, f"{name}_1")
    time.sleep(0.3)
    kept = receiver.about(paused)
    acquirer.script(notifications={"delay_ms": 500})
    began = time.monotonic()
    delayed = _change(acquirer, f"{name}_2")

    receiver.wait(paused)
    receiver.wait(delayed)

    assert kept == []
    assert time.monotonic() - began >= 0.5


def test_a_notification_outlives_its_process(start_acquirer: StartAcquirer, name: str) -> None:
    """A notification that was not delivered before a kill is delivered after the restart."""
    port = free_port()
    acquirer = start_acquirer(notify_url=f"http://127.0.0.1:{port}")
    reference = _change(acquirer, name)
    acquirer.kill()

    with Receiver() as receiver:
        acquirer.start(acquirer_notify_url=receiver.url)
        (delivery,) = receiver.wait(reference)
        assert delivery.is_signed()
        _wait_until_none_waits(acquirer)

        assert acquirer.ask("POST", "/sandbox/notifications/redeliver")["count"] == 1
        assert receiver.wait(reference, 2)[1].id == delivery.id


def test_a_secret_has_a_form(start_acquirer: StartAcquirer) -> None:
    """A malformed one stops the start, without being shown."""
    given = {"notification_secret": "hunter2"}

    with pytest.raises(DidNotStart, match="is not whsec_ and the base64") as failure:
        start_acquirer(notify_url="http://127.0.0.1:1", **given)

    assert "hunter2" not in str(failure.value)
