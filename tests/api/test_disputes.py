"""/v1/disputes over HTTP, against the sandbox's acquirer: opened, answered, decided."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.base import ids
from tests.support import books
from tests.support import disputes as support
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.disputes import FEE, accept, add, disputed, submit, there, until
from tests.support.rails import Rails

# Notifications are followed up by whoever took them; on a busy machine a worker has to go on.
pytestmark = pytest.mark.usefixtures("rails_worker")

NOWHERE = f"dp_{'0' * 25}1"


async def types_of(merchant: Merchant, name: str) -> list[str]:
    """The types of the facts about an object, the oldest first."""
    events = await merchant.api.all("/v1/events", object=name)
    assert [event["sequence"] for event in events] == list(range(len(events), 0, -1))
    return [event["type"] for event in reversed(events)]


async def posted(merchant: Merchant, kind: str) -> int:
    """What is posted on one of the merchant's own accounts."""
    return int((await merchant.balance(await merchant.own_account(kind)))["posted"])


async def test_a_disputed_card_opens_a_dispute(rails: Rails, merchant: Merchant) -> None:
    """A payer who disputes is known within moments, and the money is held."""
    payment, dispute = await disputed(rails, merchant, 2_000)

    there_ = there(rails, merchant, payment["id"])
    assert dispute["object"] == "dispute"
    assert (dispute["amount"], dispute["fee"], dispute["currency"]) == (2_000, FEE, "USD")
    assert (dispute["reason"], dispute["processor"]) == ("fraudulent", "acquirer")
    assert dispute["evidence"]["count"] == 0
    assert dispute["evidence"]["due_at"][:19] == there_["due_at"][:19]
    assert await posted(merchant, "disputes_held") == 2_000
    assert await posted(merchant, "merchant_available") == -2_000 - FEE
    assert (await merchant.read(payment["id"]))["disputed"] is True
    assert (await types_of(merchant, payment["id"]))[-1] == "payment.disputed"
    assert await support.read(merchant, dispute["id"]) == dispute


async def test_what_is_disputed_is_not_refunded(rails: Rails, merchant: Merchant) -> None:
    """While a dispute is open the payer gets the money by it or not at all."""
    payment, _ = await disputed(rails, merchant)

    answer = await merchant.api.post("/v1/refunds", {"payment": payment["id"]})

    refused(answer, 409, "payment_disputed")


async def test_good_evidence_wins(
    rails: Rails, merchant: Merchant, shared_database_url: str
) -> None:
    """Evidence goes to the processor as it is, once, and a dispute that is won is over."""
    payment, dispute = await disputed(rails, merchant)
    name = dispute["id"]
    done(await add(merchant, name, "First: it was eaten."), 201)
    done(await support.upload(merchant, name), 201)
    done(await add(merchant, name, "Last: winning_evidence"), 201)

    answer = done(await submit(merchant, name, key="submit-1"), 200)
    again = await submit(merchant, name, key="submit-1")

    assert answer["status"] in {"under_review", "won"}
    assert answer["evidence"]["submitted_at"] is not None
    assert again.json() == answer
    won = await until(merchant, payment["id"], "won")
    assert won["fee_returned"] == 0
    assert await posted(merchant, "disputes_held") == 0
    assert await posted(merchant, "merchant_available") == -FEE
    assert (await merchant.read(payment["id"]))["disputed"] is False
    facts = await types_of(merchant, name)
    assert facts[:4] == ["dispute.opened", *["dispute.updated"] * 3]
    # The processor's own doorbell may be faster than its answer.
    assert {"dispute.evidence_submitted", "dispute.won"} <= set(facts[4:])
    assert there(rails, merchant, payment["id"])["status"] == "won"
    await books.assert_in_order(shared_database_url)


async def test_a_bank_may_decide_otherwise(rails: Rails, merchant: Merchant) -> None:
    """A dispute that is lost gives the money to the processor, and the payment stays disputed."""
    payment, dispute = await disputed(rails, merchant)
    done(await add(merchant, dispute["id"]), 201)
    assert done(await submit(merchant, dispute["id"]))["status"] == "under_review"

    rails.acquirer.decide_dispute(there(rails, merchant, payment["id"])["id"], "lost")

    await until(merchant, payment["id"], "lost")
    assert await posted(merchant, "disputes_held") == 0
    assert await posted(merchant, "processor_receivable") == 0
    assert (await merchant.read(payment["id"]))["disputed"] is True
    again = await merchant.api.post("/v1/refunds", {"payment": payment["id"]})
    refused(again, 409, "payment_disputed")


async def test_accepting_is_losing(rails: Rails, merchant: Merchant) -> None:
    """Whoever gives in has lost at once, here and at the processor."""
    payment, dispute = await disputed(rails, merchant)

    answer = done(await accept(merchant, dispute["id"], key="accept-1"), 200)

    assert answer["status"] == "lost"
    assert there(rails, merchant, payment["id"])["status"] == "lost"
    assert (await accept(merchant, dispute["id"], key="accept-1")).json() == answer
    refused(await accept(merchant, dispute["id"]), 409, "dispute_closed")
    refused(await add(merchant, dispute["id"]), 409, "dispute_closed")


async def test_nothing_is_submitted_without_evidence(rails: Rails, merchant: Merchant) -> None:
    """An empty answer would lose; it is refused while there is still time."""
    _, dispute = await disputed(rails, merchant)

    refused(await submit(merchant, dispute["id"]), 409, "evidence_missing")


async def test_a_refusal_of_the_processor_is_told(rails: Rails, merchant: Merchant) -> None:
    """Evidence for a dispute that its bank has decided is refused, and the decision is known."""
    payment, dispute = await disputed(rails, merchant)
    done(await add(merchant, dispute["id"]), 201)
    # Decided while nobody hears of it: the doorbell comes later than the answer.
    rails.acquirer.script(notifications={"paused": True})
    try:
        rails.acquirer.decide_dispute(there(rails, merchant, payment["id"])["id"], "lost")
        answer = await submit(merchant, dispute["id"], key="too-late")
    finally:
        rails.acquirer.script()

    refused(answer, 409, "dispute_response_refused")
    assert (await support.read(merchant, dispute["id"]))["status"] == "lost"
    again = await submit(merchant, dispute["id"], key="too-late")
    assert again.json() == answer.json()


async def test_a_silent_processor_is_asked_again(rails: Rails, merchant: Merchant) -> None:
    """An answer whose fate is unknown is 202, nothing is added meanwhile, and it is taken once."""
    payment, dispute = await disputed(rails, merchant)
    done(await add(merchant, dispute["id"]), 201)
    rails.acquirer.script(down=True)
    try:
        answer = await submit(merchant, dispute["id"], key="later", prefer="wait=1")
        assert answer.status_code == 202, answer.text
        waiting = await merchant.api.post(
            f"/v1/disputes/{dispute['id']}/accept", {}, prefer="wait=0"
        )
        refused(waiting, 409, "dispute_busy")
        assert waiting.headers["retry-after"]
    finally:
        rails.acquirer.script()

    await until(merchant, payment["id"], "under_review")

    while (final := await submit(merchant, dispute["id"], key="later")).status_code == 202:
        assert final.json()["evidence"]["submitted_at"] is None
    assert done(final, 200)["evidence"]["submitted_at"] is not None
    assert (await types_of(merchant, dispute["id"])).count("dispute.evidence_submitted") == 1


async def test_a_second_dispute_after_the_first_was_won(rails: Rails, merchant: Merchant) -> None:
    """A payer who lost may dispute again, and each dispute is one of its own."""
    payment, dispute = await disputed(rails, merchant)
    rails.acquirer.decide_dispute(there(rails, merchant, payment["id"])["id"], "won")
    await until(merchant, payment["id"], "won")

    rails.acquirer.open_dispute(payment["id"])

    async def two() -> list[dict[str, Any]]:
        while len(found := await merchant.api.all("/v1/disputes", payment=payment["id"])) < 2:
            await asyncio.sleep(0.05)
        return found

    newest, oldest = await asyncio.wait_for(two(), support.WAIT_S)
    assert (oldest["id"], oldest["status"]) == (dispute["id"], "won")
    assert newest["status"] == "needs_response"
    assert await posted(merchant, "disputes_held") == 1_000


async def test_lists(rails: Rails, merchant: Merchant) -> None:
    """Disputes are listed newest first, by payment and by state, page by page."""
    payments, names = [], []
    for _ in range(3):
        payment, dispute = await disputed(rails, merchant)
        payments.append(payment["id"])
        names.append(dispute["id"])
    done(await accept(merchant, names[0]))
    api = merchant.api

    page = done(await api.get("/v1/disputes", {"limit": 2}))
    assert ([d["id"] for d in page["data"]], page["has_more"]) == (names[:0:-1], True)
    rest = done(await api.get("/v1/disputes", {"limit": 2, "starting_after": names[1]}))
    assert ([d["id"] for d in rest["data"]], rest["has_more"]) == (names[:1], False)
    before = done(await api.get("/v1/disputes", {"limit": 1, "ending_before": names[0]}))
    assert [d["id"] for d in before["data"]] == [names[1]]
    lost = await api.all("/v1/disputes", status="lost")
    assert [d["id"] for d in lost] == [names[0]]
    older = done(
        await api.get("/v1/disputes", {"status": "needs_response", "ending_before": names[1]})
    )
    assert [d["id"] for d in older["data"]] == [names[2]]
    of_payment = {"payment": payments[1], "ending_before": names[0]}
    assert [d["id"] for d in done(await api.get("/v1/disputes", of_payment))["data"]] == [names[1]]
    refused(await api.get("/v1/disputes", {"status": "open"}), 400, "invalid_parameter")
    both = {"status": "lost", "payment": payments[0]}
    refused(await api.get("/v1/disputes", both), 400, "invalid_parameter")


Ask = Callable[[Merchant, str], Awaitable[Any]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda merchant, name: merchant.api.get(f"/v1/disputes/{name}"),
        lambda merchant, name: merchant.api.get(f"/v1/disputes/{name}/evidence"),
        add,
        support.upload,
        submit,
        accept,
    ],
    ids=["read", "list_evidence", "add", "upload", "submit", "accept"],
)
async def test_anothers_dispute_is_not_there(
    rails: Rails,
    merchant: Merchant,
    new_merchant: Callable[..., Awaitable[Merchant]],
    ask: Ask,
) -> None:
    """Another merchant's dispute is answered as one that does not exist."""
    _, dispute = await disputed(rails, await new_merchant())

    refused(await ask(merchant, dispute["id"]), 404, "dispute_not_found")
    refused(await ask(merchant, NOWHERE), 404, "dispute_not_found")
    assert (await ask(merchant, "dp_nonsense")).status_code == 404
    assert await merchant.api.all("/v1/disputes") == []


async def test_an_unknown_dispute_is_no_crash(rails: Rails, merchant: Merchant) -> None:
    """A dispute of what the books do not have changes nothing for the merchant."""
    # Of a payment that this database has never seen, though the acquirer has.
    name = ids.encode("payment", ids.new())
    rails.acquirer.authorize(name, 700, merchant=merchant.id, capture=True, number=support.DISPUTED)
    payment, _ = await disputed(rails, merchant)

    assert len(await merchant.api.all("/v1/disputes")) == 1
    assert await posted(merchant, "disputes_held") == payment["amount"]
