"""GET /v1/events: what happened to each object, in order."""

from tests.support.builders import Merchant, payment
from tests.support.client import done
from tests.support.endpoints import transfer


async def test_the_story_of_a_payment(merchant: Merchant) -> None:
    """Each change of a payment is an event, counted from 1, with the payment as it then was."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 500)
    part = await merchant.capture(held["id"], amount=200)
    rest = await merchant.capture(held["id"], amount=100, final=True)
    await merchant.refund(held["id"], amount=50)
    after = await merchant.read(held["id"])

    events = await merchant.api.all("/v1/events", object=held["id"])

    assert [(e["sequence"], e["type"]) for e in events[::-1]] == [
        (1, "payment.authorized"),
        (2, "payment.partially_captured"),
        (3, "payment.captured"),
        (4, "payment.refunded"),
    ]
    assert [e["data"] for e in events[::-1]] == [held, part, rest, after]
    assert {e["object"] for e in events} == {"event"}


async def test_the_story_of_a_canceled_payment(merchant: Merchant) -> None:
    """The end of a hold is told as well."""
    held = await merchant.authorize(await merchant.wallet(funds=1_000), 500)
    canceled = await merchant.cancel(held["id"])

    events = await merchant.api.all("/v1/events", object=held["id"])

    assert [e["type"] for e in events] == ["payment.canceled", "payment.authorized"]
    assert events[0]["data"] == canceled


async def test_everything_that_happens_is_told(merchant: Merchant) -> None:
    """Accounts, deposits, transfers, payments and refunds each append their events."""
    source, target = await merchant.wallet(), await merchant.wallet()
    await merchant.deposit(source, 1_000)
    done(await merchant.api.post("/v1/transfers", transfer((source, -400), (target, 400))))
    paid = await merchant.pay(target, 400)
    refund = await merchant.refund(paid["id"], amount=1)
    await merchant.pay(target, 1)
    closed = done(await merchant.api.post(f"/v1/accounts/{target}/close"))

    events = await merchant.api.all("/v1/events")

    types = [event["type"] for event in events[::-1]]
    assert sorted(types[5:7]) == ["payment.refunded", "refund.succeeded"]
    assert types[:5] + types[7:] == [
        *("account.opened", "account.opened", "deposit.posted", "transfer.posted"),
        *("payment.captured", "payment.captured", "account.closed"),
    ]
    assert events[0]["data"] == closed
    (about_refund,) = await merchant.api.all("/v1/events", object=refund["id"])
    assert about_refund["data"] == refund
    assert [e["sequence"] for e in await merchant.api.all("/v1/events", object=target)] == [2, 1]


async def test_one_event_is_read(merchant: Merchant) -> None:
    """An event read alone is the one of the list."""
    await merchant.wallet()
    (event,) = await merchant.api.all("/v1/events")

    assert done(await merchant.api.get(f"/v1/events/{event['id']}")) == event


async def test_a_refusal_is_no_event(merchant: Merchant) -> None:
    """What did not happen is not told."""
    wallet = await merchant.wallet()

    assert (await merchant.send_payment(wallet, 5)).status_code == 402

    assert [e["type"] for e in await merchant.api.all("/v1/events")] == ["account.opened"]


async def test_a_replay_is_no_event(merchant: Merchant) -> None:
    """What happened once is told once."""
    wallet = await merchant.wallet(funds=1_000)
    for _ in range(3):
        done(await merchant.api.post("/v1/payments", payment(wallet, 5), key="once"))

    types = [e["type"] for e in await merchant.api.all("/v1/events")]

    assert types.count("payment.captured") == 1
