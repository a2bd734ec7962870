"""For each flow with an external step: how to start one, and what must be true when it has ended.

A flow that is declared and has no script here fails tests/spec/test_every_step_can_be_resumed.py.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.support.builders import Merchant
from tests.support.client import done
from tests.support.disputes import add, disputed, there
from tests.support.rails import Rails, card_payment


@dataclass
class Start:
    """The request that starts a flow, repeatable under its key."""

    path: str
    body: Any
    subject: str = ""
    """What it is about: an id that the check needs."""


Prepare: TypeAlias = Callable[[Rails, Merchant], Awaitable[Start]]
Check: TypeAlias = Callable[[Rails, Merchant, Start, dict[str, Any]], Awaitable[None]]


@dataclass
class Script:
    """How a flow is started and checked; the check gets the final answer."""

    prepare: Prepare
    check: Check


async def _pay(rails: Rails, merchant: Merchant) -> Start:
    await rails.pay(merchant, 1)  # so that the card is known and needs no transaction of its own
    return Start("/v1/payments", card_payment(rails.card(merchant), 900))


async def _paid(rails: Rails, merchant: Merchant, start: Start, answer: dict[str, Any]) -> None:
    assert answer["status"] == "captured"
    there = rails.acquirer.authorization(answer["id"])
    assert (there["status"], there["captured_amount"]) == ("approved", 900)
    assert len(rails.acquirer.records("authorizations", merchant=merchant.id)) == 2
    assert await _posted(merchant, "processor_receivable") == 901


async def _capture(rails: Rails, merchant: Merchant) -> Start:
    held = await rails.pay(merchant, 900, capture="manual")
    return Start(f"/v1/payments/{held['id']}/capture", {"amount": 300}, held["id"])


async def _captured(rails: Rails, merchant: Merchant, start: Start, answer: dict[str, Any]) -> None:
    assert (answer["status"], answer["amount_captured"]) == ("partially_captured", 300)
    assert rails.acquirer.authorization(start.subject)["captured_amount"] == 300
    assert await _posted(merchant, "processor_receivable") == 300


async def _cancel(rails: Rails, merchant: Merchant) -> Start:
    held = await rails.pay(merchant, 900, capture="manual")
    return Start(f"/v1/payments/{held['id']}/cancel", {}, held["id"])


async def _canceled(rails: Rails, merchant: Merchant, start: Start, answer: dict[str, Any]) -> None:
    assert answer["status"] == "canceled"
    assert rails.acquirer.authorization(start.subject)["status"] == "voided"
    account = await merchant.own_account("processor_receivable")
    assert (await merchant.balance(account))["pending"] == 0


async def _refund(rails: Rails, merchant: Merchant) -> Start:
    paid = await rails.pay(merchant, 900)
    return Start("/v1/refunds", {"payment": paid["id"], "amount": 400}, paid["id"])


async def _refunded(rails: Rails, merchant: Merchant, start: Start, answer: dict[str, Any]) -> None:
    assert answer["status"] == "succeeded"
    assert rails.acquirer.authorization(start.subject)["refunded_amount"] == 400
    assert (await merchant.read(start.subject))["amount_refunded"] == 400
    assert await _posted(merchant, "processor_receivable") == 500


async def _submit(rails: Rails, merchant: Merchant) -> Start:
    payment, dispute = await disputed(rails, merchant, 900)
    done(await add(merchant, dispute["id"]))
    return Start(f"/v1/disputes/{dispute['id']}/submit", {}, payment["id"])


async def _submitted(
    rails: Rails, merchant: Merchant, start: Start, answer: dict[str, Any]
) -> None:
    assert answer["status"] == "under_review"
    assert answer["evidence"]["submitted_at"] is not None
    assert there(rails, merchant, start.subject)["status"] == "under_review"
    facts = [e["type"] for e in await merchant.api.all("/v1/events", object=answer["id"])]
    assert facts.count("dispute.evidence_submitted") == 1
    assert await _posted(merchant, "disputes_held") == 900


async def _accept(rails: Rails, merchant: Merchant) -> Start:
    payment, dispute = await disputed(rails, merchant, 900)
    return Start(f"/v1/disputes/{dispute['id']}/accept", {}, payment["id"])


async def _accepted(rails: Rails, merchant: Merchant, start: Start, answer: dict[str, Any]) -> None:
    assert answer["status"] == "lost"
    assert there(rails, merchant, start.subject)["status"] == "lost"
    assert await _posted(merchant, "disputes_held") == 0
    assert await _posted(merchant, "processor_receivable") == 0


async def _posted(merchant: Merchant, kind: str) -> int:
    return int((await merchant.balance(await merchant.own_account(kind)))["posted"])


SCRIPTS: Mapping[str, Script] = {
    "authorization": Script(_pay, _paid),
    "capture": Script(_capture, _captured),
    "cancellation": Script(_cancel, _canceled),
    "refund": Script(_refund, _refunded),
    "evidence": Script(_submit, _submitted),
    "acceptance": Script(_accept, _accepted),
}

ELSEWHERE: Mapping[str, str] = {
    "dispute": "tests/disputes/test_crashes.py: it is started by a notification",
    "notification": "tests/notifications: it is started by a processor and has no answer",
    "payout": "tests/payouts/test_crashes.py: its answer does not wait for the bank",
}
"""Flows that are covered by a test of their own, and where."""


async def finish(merchant: Merchant, start: Start, key: str) -> dict[str, Any]:
    """The final answer of a flow: the same request again and again, as a client would."""
    for _ in range(30):
        answer = await merchant.api.post(start.path, start.body, key=key, prefer="wait=10")
        if answer.status_code not in {202, 409, 502, 503}:
            return done(answer)
    raise AssertionError(answer.text)
