"""Requests under the admin key: one Idempotency-Key, one effect, one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from app.engine.idempotency import sweep_operators
from tests.support.builders import Merchant
from tests.support.client import Api, done, refused
from tests.support.databases import execute, rows
from tests.support.engine import opened

KEPT_S = 30 * 86_400


class Ready(msgspec.Struct):
    """A request that acts."""

    path: str
    body: dict[str, Any]
    status: int = 201


Prepare = Callable[[Api, Merchant], Awaitable[Ready]]


async def _merchant(admin: Api, merchant: Merchant) -> Ready:
    return Ready("/v1/merchants", {"name": "stall"})


async def _api_key(admin: Api, merchant: Merchant) -> Ready:
    return Ready("/v1/api_keys", {"merchant": merchant.id})


async def _revoke(admin: Api, merchant: Merchant) -> Ready:
    key = done(await admin.post("/v1/api_keys", {"merchant": merchant.id}))
    return Ready(f"/v1/api_keys/{key['id']}/revoke", {}, 200)


async def _fee_plan(admin: Api, merchant: Merchant) -> Ready:
    return Ready("/v1/fee_plans", {"merchant": merchant.id, "bps": 5})


async def _replace(admin: Api, merchant: Merchant) -> Ready:
    plan = done(await admin.post("/v1/fee_plans", {"merchant": merchant.id, "bps": 5}))
    return Ready(f"/v1/fee_plans/{plan['id']}/replace", {"bps": 6})


async def _end(admin: Api, merchant: Merchant) -> Ready:
    plan = done(await admin.post("/v1/fee_plans", {"merchant": merchant.id, "bps": 5}))
    return Ready(f"/v1/fee_plans/{plan['id']}/end", {}, 200)


every_request = pytest.mark.parametrize(
    "prepare", [_merchant, _api_key, _revoke, _fee_plan, _replace, _end]
)


def told(answer: Any) -> dict[str, Any]:
    """An answer without the secret, which is shown once."""
    return {name: value for name, value in answer.json().items() if name != "secret"}


@every_request
async def test_a_repeated_request_acts_once(
    admin: Api, merchant: Merchant, prepare: Prepare
) -> None:
    """The second time nothing is done; the answer is the first one, and says so."""
    ready, key = await prepare(admin, merchant), str(uuid4())

    first = await admin.post(ready.path, ready.body, key=key)
    again = await admin.post(ready.path, ready.body, key=key)

    assert (first.status_code, again.status_code) == (ready.status, ready.status)
    assert told(again) == told(first)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert int(first.headers["idempotency-expires"]) == KEPT_S
    assert 0 < int(again.headers["idempotency-expires"]) <= KEPT_S


@every_request
async def test_a_request_without_a_key_does_nothing(
    admin: Api, merchant: Merchant, prepare: Prepare
) -> None:
    """As everywhere else, what acts needs a key."""
    ready = await prepare(admin, merchant)

    answer = await admin.post(ready.path, ready.body, key=None)

    refused(answer, 400, "idempotency_key_missing")


@every_request
async def test_another_request_under_the_key_is_refused(
    admin: Api, merchant: Merchant, prepare: Prepare
) -> None:
    """A key names one request; the refusal names what differs."""
    ready, key = await prepare(admin, merchant), str(uuid4())
    done(await admin.post(ready.path, ready.body, key=key), ready.status)

    other = {"merchant": merchant.id, "name": "another"}
    answer = await admin.post("/v1/api_keys", other, key=key)

    problem = refused(answer, 422, "idempotency_key_reused")
    assert "name" in problem["facts"]["differs_in"]


async def test_many_at_once_make_one_merchant(admin: Api) -> None:
    """Of parallel requests under one key one acts, and all have its answer."""
    key = str(uuid4())

    answers = await asyncio.gather(
        *[admin.post("/v1/merchants", {"name": "stall"}, key=key) for _ in range(8)]
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


async def test_a_replayed_key_has_no_secret(
    admin: Api, merchant: Merchant, shared_database_url: str
) -> None:
    """The first answer alone has the secret, and the database has it nowhere."""
    key = str(uuid4())
    first = done(await admin.post("/v1/api_keys", {"merchant": merchant.id}, key=key), 201)

    again = done(await admin.post("/v1/api_keys", {"merchant": merchant.id}, key=key), 201)

    assert "secret" not in again
    kept = rows(shared_database_url, "SELECT body FROM operator_keys WHERE key = %s", [key])
    assert first["secret"] not in str(kept)
    done(await merchant.api.as_(first["secret"]).get("/v1/payments"))


async def test_refusals_are_replayed_too(admin: Api, merchant: Merchant) -> None:
    """What was refused stays refused under its key, even when it would succeed by now."""
    body, key = {"merchant": merchant.id, "bps": 5}, str(uuid4())
    plan = done(await admin.post("/v1/fee_plans", body), 201)
    refused(await admin.post("/v1/fee_plans", body, key=key), 409, "fee_plan_exists")
    done(await admin.post(f"/v1/fee_plans/{plan['id']}/end"), 200)

    again = await admin.post("/v1/fee_plans", body, key=key)

    refused(again, 409, "fee_plan_exists")
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_operators_key_expires(admin: Api, shared_database_url: str) -> None:
    """After its time a key may be used again, for another request too, and the sweeper takes it."""
    key = str(uuid4())
    done(await admin.post("/v1/merchants", {"name": "stall"}, key=key), 201)
    expire = "UPDATE operator_keys SET expires_at = now() - INTERVAL '1 second' WHERE key = %s"
    execute(shared_database_url, expire, [key])

    second = await admin.post("/v1/merchants", {"name": "other"}, key=key)

    assert done(second, 201)["name"] == "other"
    assert "idempotent-replayed" not in second.headers
    async with opened(shared_database_url) as database:
        await sweep_operators(database)
        count = "SELECT count(*) FROM operator_keys WHERE key = %s"
        assert rows(shared_database_url, count, [key]) == [(1,)]
        execute(shared_database_url, expire, [key])
        await sweep_operators(database)
        assert rows(shared_database_url, count, [key]) == [(0,)]
