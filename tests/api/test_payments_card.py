"""Card payments over HTTP: what a client sees of processors that are well, and that are not."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.base import ids
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.databases import execute, rows
from tests.support.rails import CHALLENGED, DECLINED, NO_FUNDS, Rails

# Notifications are followed up by whoever took them; on a busy machine a worker has to go on.
pytestmark = pytest.mark.usefixtures("rails_worker")

WAIT_S = 40  # a few hundred times what it takes


async def until(merchant: Merchant, payment_id: str, *statuses: str) -> dict[str, Any]:
    """The payment, once it has one of these statuses."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        payment = await merchant.read(payment_id)
        if payment["status"] in statuses:
            return payment
        assert asyncio.get_running_loop().time() < deadline, payment
        await asyncio.sleep(0.05)


async def balance(merchant: Merchant, kind: str) -> tuple[int, int]:
    """(posted, pending) of one of the merchant's own accounts."""
    found = await merchant.balance(await merchant.own_account(kind))
    return found["posted"], found["pending"]


async def test_a_card_is_charged(rails: Rails, merchant: Merchant) -> None:
    """An approved payment is captured, and the processor owes the merchant what it took."""
    paid = await rails.pay(merchant, 1_000)

    assert (paid["status"], paid["amount_captured"], paid["fee"]) == ("captured", 1_000, 59)
    assert paid["processor"] == "acquirer"
    assert paid["payment_method"] == {
        "type": "card",
        "id": rails.card(merchant),
        "brand": "visa",
        "last4": "4242",
    }
    assert await balance(merchant, "processor_receivable") == (1_000, 0)
    assert await balance(merchant, "merchant_pending") == (941, 0)
    there = rails.acquirer.authorization(paid["id"])
    assert (there["status"], there["captured_amount"]) == ("approved", 1_000)


async def test_the_same_key_charges_once(rails: Rails, merchant: Merchant) -> None:
    """Raced and repeated, one key makes one charge and gets one answer."""
    sent = [rails.send(merchant, 700, key="order-1") for _ in range(8)]
    answers = [done(answer, 201) for answer in await asyncio.gather(*sent)]
    again = await rails.send(merchant, 700, key="order-1")

    assert len({answer["id"] for answer in answers}) == 1
    assert done(again, 201) == answers[0]
    assert again.headers["idempotent-replayed"] == "true"
    assert len(rails.acquirer.records("authorizations", merchant=merchant.id)) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(DECLINED, "generic_decline"), (NO_FUNDS, "insufficient_funds")]
)
async def test_a_decline_is_told(rails: Rails, merchant: Merchant, number: str, code: str) -> None:
    """What the issuer declines is answered by 402 with its reason, and nothing stays held."""
    answer = await rails.send(merchant, 500, number=number, key="order-2")
    problem = refused(answer, 402, "payment_declined")
    again = await rails.send(merchant, 500, number=number, key="order-2")

    assert problem["facts"]["decline_code"] == code
    assert again.json() == answer.json()
    payment = await merchant.read(problem["facts"]["payment"])
    assert (payment["status"], payment["decline_code"]) == ("declined", code)
    assert await balance(merchant, "processor_receivable") == (0, 0)


async def test_an_authorization_is_captured_in_parts(rails: Rails, merchant: Merchant) -> None:
    """Parts are captured one after the other, and the rest is released with the last."""
    held = await rails.pay(merchant, 1_000, capture="manual")
    assert (held["status"], held["amount_captured"]) == ("authorized", 0)
    assert await balance(merchant, "processor_receivable") == (0, 1_000)

    part = await merchant.capture(held["id"], amount=300)
    last = await merchant.capture(held["id"], amount=200, final=True)

    assert (part["status"], last["status"]) == ("partially_captured", "captured")
    assert last["amount_captured"] == 500
    assert await balance(merchant, "processor_receivable") == (500, 0)
    assert rails.acquirer.authorization(held["id"])["captured_amount"] == 500


async def test_a_cancellation_releases_the_hold_there_too(rails: Rails, merchant: Merchant) -> None:
    """What is canceled here is void there, and cannot be captured any more."""
    held = await rails.pay(merchant, 1_000, capture="manual")

    canceled = await merchant.cancel(held["id"])

    assert canceled["status"] == "canceled"
    assert await balance(merchant, "processor_receivable") == (0, 0)
    assert rails.acquirer.authorization(held["id"])["status"] == "voided"
    answer = await merchant.api.post(f"/v1/payments/{held['id']}/capture")
    refused(answer, 409, "payment_not_capturable")


async def test_a_refund_goes_back_to_the_card(rails: Rails, merchant: Merchant) -> None:
    """A refund is asked of the processor, and leaves the merchant's available balance."""
    paid = await rails.pay(merchant, 1_000)

    refund = await merchant.refund(paid["id"], amount=400)

    assert (refund["status"], refund["amount"]) == ("succeeded", 400)
    assert (await merchant.read(paid["id"]))["amount_refunded"] == 400
    assert await balance(merchant, "processor_receivable") == (600, 0)
    assert await balance(merchant, "merchant_available") == (-400, 0)


async def test_two_refunds_never_exceed_the_capture(rails: Rails, merchant: Merchant) -> None:
    """Of two parallel refunds of 60 on a capture of 100 one is made, and the other refused."""
    paid = await rails.pay(merchant, 100)

    body = {"payment": paid["id"], "amount": 60}
    answers = await asyncio.gather(*[merchant.api.post("/v1/refunds", body) for _ in range(2)])

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert (await merchant.read(paid["id"]))["amount_refunded"] == 60


async def test_a_refund_that_comes_back_is_the_merchants_again(
    rails: Rails, merchant: Merchant
) -> None:
    """A refund that fails after it succeeded is booked back when the processor says so."""
    paid = await rails.pay(merchant, 1_000)
    refund = await merchant.refund(paid["id"], amount=400)

    rails.acquirer.fail_refund(refund["id"])

    deadline = asyncio.get_running_loop().time() + WAIT_S
    while done(await merchant.api.get(f"/v1/refunds/{refund['id']}"))["status"] != "failed":
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    assert (await merchant.read(paid["id"]))["amount_refunded"] == 0
    assert await balance(merchant, "merchant_available") == (0, 0)
    assert await balance(merchant, "processor_receivable") == (1_000, 0)


async def test_no_key_of_a_client_stops_what_happens_inside(
    rails: Rails, merchant: Merchant
) -> None:
    """Internal work has keys, too, and a client that guesses one takes nothing from it."""
    paid = await rails.pay(merchant, 900)
    refund = await merchant.refund(paid["id"], amount=300)
    guessed = f"refund_failure {ids.decode('refund', refund['id'])}"
    done(await merchant.send_payment(await merchant.wallet(funds=10), 10, key=guessed), 201)

    rails.acquirer.fail_refund(refund["id"])

    deadline = asyncio.get_running_loop().time() + WAIT_S
    while done(await merchant.api.get(f"/v1/refunds/{refund['id']}"))["status"] != "failed":
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("approve", [True, False])
async def test_a_challenge_is_answered(rails: Rails, merchant: Merchant, *, approve: bool) -> None:
    """A payment that needs the payer waits for the challenge, and ends as it is answered."""
    waiting = await rails.pay(merchant, 800, number=CHALLENGED)
    assert waiting["status"] == "requires_action"
    assert waiting["next_action"]["type"] == "redirect"

    rails.acquirer.answer_challenge(waiting["next_action"]["url"], approve=approve)

    ended = await until(merchant, waiting["id"], "captured", "declined")
    assert ended["status"] == ("captured" if approve else "declined")
    assert "next_action" not in ended
    assert await balance(merchant, "processor_receivable") == ((800, 0) if approve else (0, 0))


async def test_a_challenge_can_be_canceled(rails: Rails, merchant: Merchant) -> None:
    """A merchant need not wait for a payer: the payment is undone there and canceled here."""
    waiting = await rails.pay(merchant, 800, number=CHALLENGED)

    canceled = await merchant.cancel(waiting["id"])

    assert canceled["status"] == "canceled"
    assert rails.acquirer.authorization(waiting["id"])["status"] == "voided"
    assert await balance(merchant, "processor_receivable") == (0, 0)


def look_again(url: str, payment_id: str, minutes: int) -> None:
    """Make the flow of a payment older by some minutes, and its turn now."""
    execute(
        url,
        "UPDATE sagas SET created_at = created_at - %s, next_attempt_at = now() - INTERVAL '1 s'"
        " WHERE object_id = %s",
        [timedelta(minutes=minutes), ids.decode("payment", payment_id)],
    )


async def test_a_payer_who_does_not_act_in_time_has_not_paid(
    rails: Rails, merchant: Merchant, shared_database_url: str
) -> None:
    """After a quarter of an hour an unanswered challenge is undone there and declined here."""
    waiting = await rails.pay(merchant, 800, number=CHALLENGED)

    look_again(shared_database_url, waiting["id"], 16)

    ended = await until(merchant, waiting["id"], "captured", "declined", "failed")
    assert (ended["status"], ended["decline_code"]) == ("declined", "action_expired")
    assert rails.acquirer.authorization(waiting["id"])["status"] == "voided"
    assert await balance(merchant, "processor_receivable") == (0, 0)


async def test_a_payer_is_waited_for_until_then(
    rails: Rails, merchant: Merchant, shared_database_url: str
) -> None:
    """Whoever looks at an unanswered challenge earlier leaves it as it is, with the time it has."""
    waiting = await rails.pay(merchant, 800, number=CHALLENGED)
    flow = (
        "SELECT next_attempt_at - created_at FROM sagas"
        " WHERE object_id = %s AND next_attempt_at > now() AND lease_until IS NULL"
        " AND note = 'waits for the payer'"
    )
    of_payment = [ids.decode("payment", waiting["id"])]

    look_again(shared_database_url, waiting["id"], 5)
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while not (found := rows(shared_database_url, flow, of_payment)):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)

    assert found == [(timedelta(minutes=15),)]
    assert (await merchant.read(waiting["id"]))["status"] == "requires_action"


async def test_an_unknown_outcome_is_no_decline(rails: Rails, merchant: Merchant) -> None:
    """A charge whose answer was lost is processing, holds its funds, and ends right by itself."""
    answer = await rails.send(
        merchant, 900, key="order-3", fault="timeout_after", prefer="respond-async"
    )
    processing = done(answer, 202)
    assert processing["status"] == "processing"

    ended = await until(merchant, processing["id"], "captured", "declined", "failed")

    assert ended["status"] == "captured"
    assert await balance(merchant, "processor_receivable") == (900, 0)
    again = await rails.send(merchant, 900, key="order-3")
    assert done(again, 201) == ended


async def test_an_unknown_outcome_can_be_canceled(rails: Rails, merchant: Merchant) -> None:
    """What is canceled before its outcome is known is taken back as soon as it is."""
    rails.acquirer.fail_next("timeout_after", operation="authorization", times=1)
    processing = done(await rails.send(merchant, 900, prefer="respond-async"), 202)

    answer = await merchant.api.post(f"/v1/payments/{processing['id']}/cancel")

    assert answer.status_code in {200, 202, 409}, answer.text
    ended = await until(merchant, processing["id"], "captured", "canceled")
    there = rails.acquirer.authorization(processing["id"])
    held = there["captured_amount"] - there["refunded_amount"]
    assert held == (900 if ended["status"] == "captured" else 0)


async def test_a_processor_that_is_down_has_surely_done_nothing(
    rails: Rails, merchant: Merchant
) -> None:
    """Where nobody could be reached the answer is 502, and the same key works later."""
    rails.card(merchant)
    rails.acquirer.kill()
    try:
        answer = await rails.send(merchant, 600, key="order-4")
    finally:
        rails.acquirer.start()
    problem = refused(answer, 502, "processor_unavailable")
    later = await rails.send(merchant, 600, key="order-4")

    assert problem["retry"] == "same_key"
    assert done(later, 201)["status"] == "captured"
    payments = await merchant.api.all("/v1/payments")
    assert sorted(payment["status"] for payment in payments) == ["captured", "failed"]


async def test_a_bank_transfer_waits_for_the_money(rails: Rails, merchant: Merchant) -> None:
    """A payer is told what to order, and the payment is taken when the money has come."""
    body = {"amount": 5_000, "currency": "EUR", "payment_method": {"type": "bank_transfer"}}
    waiting = done(await merchant.api.post("/v1/payments", body), 201)
    assert waiting["status"] == "requires_action"
    assert waiting["next_action"]["instructions"]["iban"]

    rails.acquirer.arrive(waiting["id"])

    assert (await until(merchant, waiting["id"], "captured"))["amount_captured"] == 5_000
    back = await merchant.api.post("/v1/refunds", {"payment": waiting["id"], "amount": 1})
    refused(back, 409, "refund_not_supported")
    assert (await merchant.read(waiting["id"]))["amount_refunded"] == 0


async def test_a_bank_transfer_is_not_authorized(rails: Rails, merchant: Merchant) -> None:
    """Money that has come can neither wait for its capture nor be let go."""
    method = {"type": "bank_transfer"}
    body = {"amount": 5_000, "currency": "EUR", "payment_method": method, "capture": "manual"}

    refused(await merchant.api.post("/v1/payments", body), 400, "invalid_body")

    assert await merchant.api.all("/v1/payments") == []
