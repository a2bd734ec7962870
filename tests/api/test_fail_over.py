"""Two processors: the second one is asked where the first surely did nothing, and only then."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.processors.stripe_account import Account
from tests.support import books, builders
from tests.support.builders import Merchant
from tests.support.client import Api, done, refused
from tests.support.databases import Databases, Server
from tests.support.processes import ADMIN_KEY, ApiProcess, WorkerProcess, free_port
from tests.support.rails import NO_FUNDS, QUICK, Rails

RULES = {
    "rules": [
        {"currencies": ["BHD"], "processors": [{"name": "stripe"}]},
        {"processors": [{"name": "stripe"}, {"name": "acquirer", "weight": 0}]},
    ]
}
WAIT_S = 30  # a hundred times what it takes


class Two(NamedTuple):
    """A merchant whose cards go to Stripe first, and to the acquirer after it."""

    merchant: Merchant
    rails: Rails
    port: int
    """Where Stripe is, if the test starts one."""
    url: str
    settings: dict[str, str]

    def asked_of_acquirer(self) -> list[dict[str, Any]]:
        """What the acquirer knows of."""
        return self.rails.acquirer.records("authorizations", merchant=self.merchant.id)


@pytest_asyncio.fixture
async def two(
    databases: Databases, server: Server, tmp_path: Path, start_api: Callable[..., ApiProcess]
) -> AsyncIterator[Two]:
    """Everything of its own, because nobody else has two processors."""
    rails, url, port = (
        Rails(server.new_vault_database(), tmp_path),
        databases.new_database(),
        free_port(),
    )
    there = f"http://127.0.0.1:{port}"
    rails.vault.settings |= {
        "vault_stripe_url": there,
        "vault_stripe_key": "sk_test_of_this_account",
    }
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES), "utf-8")
    settings = (
        rails.settings
        | QUICK
        | {
            "stripe_key": "sk_test_of_this_account",
            "stripe_url": there,
            "processor_rules": str(rules),
        }
    )
    try:
        process = start_api(url, **settings)
        rails.notify(process.url)
        rails.start()
        async with Api(process.url, ADMIN_KEY) as admin:
            merchant = await builders.new_merchant(admin)
            yield Two(merchant, rails, port, url, settings)
        await books.assert_in_order(url)
    finally:
        rails.kill()


async def test_nobody_listens_there(two: Two) -> None:
    """A processor that cannot be reached surely did nothing, so the next one is asked at once."""
    paid = await two.rails.pay(two.merchant, 1_000)

    assert (paid["status"], paid["processor"]) == ("captured", "acquirer")
    (there,) = two.asked_of_acquirer()
    assert (there["reference"], there["captured_amount"]) == (paid["id"], 1_000)


async def test_the_first_one_is_well(two: Two) -> None:
    """Whoever answers is the one: nobody else hears of the payment."""
    async with Account.start(two.port) as stripe:
        paid = await two.rails.pay(two.merchant, 1_000)

        assert (paid["status"], paid["processor"]) == ("captured", "stripe")
        assert stripe.taken == 1_000
    assert two.asked_of_acquirer() == []


async def test_a_decline_is_an_answer(two: Two) -> None:
    """What an issuer refused is not tried elsewhere."""
    async with Account.start(two.port) as stripe:
        answer = await two.rails.send(two.merchant, 1_000, number=NO_FUNDS)

        refused(answer, 402, "payment_declined")
        assert stripe.taken == 0
    assert two.asked_of_acquirer() == []


@pytest.mark.parametrize("lost", ["after", "before"])
async def test_nobody_knows(two: Two, lost: str, tmp_path: Path) -> None:
    """Where the first one may have charged, it is asked until it says so, and nobody else is."""
    async with Account.start(two.port) as stripe:
        stripe.lost = {"/payment_intents": lost}
        answer = await two.rails.send(two.merchant, 1_000, prefer="wait=1")
        begun = done(answer, answer.status_code)
        stripe.index()
        with WorkerProcess(two.url, tmp_path, **two.settings).start():
            async with asyncio.timeout(WAIT_S):
                while (paid := await two.merchant.read(begun["id"]))["status"] == "processing":
                    await asyncio.sleep(0.05)

        assert (paid["status"], paid["processor"]) == ("captured", "stripe")
        assert stripe.taken == 1_000
        assert len(stripe.intents) == 1
    assert two.asked_of_acquirer() == []


async def test_an_amount_that_the_first_one_does_not_have(two: Two) -> None:
    """Stripe wants the last of three decimals to be 0: another amount goes to the next one."""
    async with Account.start(two.port) as stripe:
        paid = await two.rails.pay(two.merchant, 5_124, currency="KWD")

        assert (paid["status"], paid["processor"]) == ("captured", "acquirer")
        assert stripe.requests == []


async def test_an_amount_that_no_processor_has(two: Two) -> None:
    """Without another processor it is refused by name, under its key too, and nothing is sent."""
    async with Account.start(two.port) as stripe:
        first, again = [
            await two.rails.send(two.merchant, 5_124, currency="BHD", key="k") for _ in range(2)
        ]

        problem = refused(first, 409, "amount_not_processable")
        assert problem["facts"] == {"amount": 5_124, "currency": "BHD"}
        assert again.content == first.content
        assert stripe.requests == []
        paid = await two.rails.pay(two.merchant, 5_120, currency="BHD")
        assert paid["processor"] == "stripe"


async def test_a_refund_that_the_processor_does_not_have(two: Two) -> None:
    """A part of a payment may be no amount of its processor's: it is declined, and says why."""
    async with Account.start(two.port):
        paid = await two.rails.pay(two.merchant, 5_120, currency="KWD")
        body = {"payment": paid["id"], "amount": 1_234}

        answer = await two.merchant.api.post("/v1/refunds", body)

        problem = refused(answer, 402, "refund_declined")
        assert problem["facts"]["decline_code"] == "amount_not_representable"
        done(await two.merchant.api.post("/v1/refunds", body | {"amount": 1_230}), 201)
