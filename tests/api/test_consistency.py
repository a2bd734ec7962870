"""`?consistency=stale`: lists and reports may be some seconds old, and say so."""

import asyncio
from collections.abc import Callable

import pytest

from tests.support import builders
from tests.support.builders import Merchant, payment
from tests.support.client import Api, done, refused
from tests.support.processes import ADMIN_KEY, ApiProcess

LISTS = ("payments", "refunds", "transfers", "accounts", "events")


@pytest.mark.parametrize("name", LISTS)
async def test_on_one_copy_of_the_data_stale_is_current(merchant: Merchant, name: str) -> None:
    """On PostgreSQL a stale list is the current one, and its age is nothing."""
    wallet = await merchant.wallet(funds=1_000)
    paid = await merchant.pay(wallet, 100)
    await merchant.refund(paid["id"], amount=10)

    stale = await merchant.api.get(f"/v1/{name}", {"consistency": "stale"})
    current = await merchant.api.get(f"/v1/{name}", {"consistency": "current"})

    assert stale.json() == current.json()
    assert stale.json()["data"]
    assert (stale.headers["age"], current.headers.get("age")) == ("0", None)


async def test_reports_of_an_account_may_be_stale(merchant: Merchant) -> None:
    """Balance and entries take the parameter too."""
    wallet = await merchant.wallet(funds=1_000)

    balance = await merchant.api.get(f"/v1/accounts/{wallet}/balance", {"consistency": "stale"})
    entries = await merchant.api.get(f"/v1/accounts/{wallet}/entries", {"consistency": "stale"})

    assert done(balance)["available"] == 1_000
    assert len(done(entries)["data"]) == 1
    assert balance.headers["age"] == entries.headers["age"] == "0"


@pytest.mark.parametrize("path", ["payments", "events", "accounts/{wallet}/balance"])
async def test_another_consistency_is_refused(merchant: Merchant, path: str) -> None:
    """What we do not know is not guessed."""
    wallet = await merchant.wallet(funds=1)

    answer = await merchant.api.get(
        f"/v1/{path.format(wallet=wallet)}", {"consistency": "eventual"}
    )

    assert refused(answer, 400, "invalid_parameter")["errors"][0]["pointer"] == "consistency"


@pytest.mark.cluster
async def test_on_a_cluster_stale_lists_are_of_the_past(
    cockroach_url: str, start_api: Callable[..., ApiProcess]
) -> None:
    """They tell their age, show nothing that is not so, and show everything in the end."""
    process = start_api(cockroach_url)
    async with Api(process.url) as api:
        merchant = await builders.new_merchant(api.as_(ADMIN_KEY))
        wallet = await merchant.wallet(funds=1_000)
        ids = {(await merchant.pay(wallet, 10))["id"] for _ in range(3)}
        while True:
            answer = await merchant.api.get("/v1/payments", {"consistency": "stale"})
            shown = {each["id"] for each in done(answer)["data"]}
            assert shown <= ids
            # A database younger than the staleness has no past and is read as it is.
            if shown == ids and int(answer.headers["age"]) > 0:
                break
            await asyncio.sleep(0.2)
        report = await merchant.api.get(f"/v1/accounts/{wallet}/balance", {"consistency": "stale"})
        refusal = await merchant.api.post("/v1/payments", payment(wallet, 971))
    assert done(report)["available"] <= 1_000
    refused(refusal, 402, "insufficient_funds")  # decisions see the present
