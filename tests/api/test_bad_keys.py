"""Bad API keys, bad Idempotency-Keys, too many requests, too much of everything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tests.support.builders import Merchant, new_merchant, payment
from tests.support.client import Api, done, refused
from tests.support.endpoints import WRITING, Prepare
from tests.support.processes import ADMIN_KEY, ApiProcess
from tests.support.tally import Tally

every_endpoint = pytest.mark.parametrize("prepare", WRITING.values(), ids=WRITING.keys())
READING = (
    *("/v1/payments", "/v1/refunds", "/v1/accounts", "/v1/transfers", "/v1/events"),
    "/v1/payments/pay_01j9x6f9k2e6s8v3b7d5m4n1qz",
    "/v1/accounts/acct_01j9x6f9k2e6s8v3b7d5m4n1qz/balance",
)


@every_endpoint
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer sk_test_nobody",
        "Bearer é",
        "Bearer " + "k" * 5_000,
        "Basic c2s6",
        "sk_test_nobody",
        f"Bearer {ADMIN_KEY}",
    ],
    ids=lambda header: str(header)[:20],
)
async def test_no_or_an_unknown_key(
    merchant: Merchant, tally: Tally, prepare: Prepare, header: str | None
) -> None:
    """Nobody without a key does anything, whatever else is wrong; the other key stays free."""
    ready = await prepare(merchant)
    stranger = merchant.api.as_(None)
    headers = {} if header is None else {"authorization": header}

    with tally.unchanged(merchant.id):
        answer = await stranger.post(ready.path, ready.body, key="k", **headers)
        worse = await stranger.post(ready.path, b"{", key=None, **headers)

    for one in (answer, worse):
        refused(one, 401, "unauthorized")
        assert one.headers["www-authenticate"] == "Bearer"
    good = await merchant.api.post(ready.path, ready.body, key="k")
    done(good, ready.status)
    assert "idempotent-replayed" not in good.headers


async def test_a_large_body_without_a_key(merchant: Merchant) -> None:
    """The refusal arrives although the body was not wanted."""
    for size in (2**20, 7 * 2**20, 20 * 2**20):
        answer = await merchant.api.as_(None).post("/v1/payments", b" " * size)
        refused(answer, 401, "unauthorized")


@pytest.mark.parametrize("path", READING)
async def test_reading_without_a_key(api: Api, path: str) -> None:
    """Nothing is shown to strangers, not even whether it is there."""
    for caller in (api, api.as_("sk_test_nobody")):
        refused(await caller.get(path), 401, "unauthorized")


@every_endpoint
@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_missing"),
        ('""', "idempotency_key_missing"),
        ("k" * 256, "idempotency_key_malformed"),
        ('"' + "k" * 256 + '"', "idempotency_key_malformed"),
        ("k" * 5_000, "idempotency_key_malformed"),
        ("ü", "idempotency_key_malformed"),
        ("a\tb", "idempotency_key_malformed"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_idempotency_keys(
    merchant: Merchant, tally: Tally, prepare: Prepare, key: str | None, code: str
) -> None:
    """What writes needs a key of 1 to 255 printable ASCII characters."""
    ready = await prepare(merchant)

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(ready.path, ready.body, key=key)

    assert refused(answer, 400, code)["retry"] == "never"
    done(await merchant.api.post(ready.path, ready.body, key="k" * 255), ready.status)


@every_endpoint
async def test_too_large_a_body(merchant: Merchant, tally: Tally, prepare: Prepare) -> None:
    """More than 8 MiB is not read, and the key is free for less."""
    ready = await prepare(merchant)

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(ready.path, b" " * (10 * 2**20), key="k")

    problem = refused(answer, 413, "body_too_large")
    assert problem["facts"] == {"limit": 384 * 2**10}
    done(await merchant.api.post(ready.path, ready.body, key="k"), ready.status)


async def test_too_large_a_body_of_unknown_length(merchant: Merchant, tally: Tally) -> None:
    """A body in chunks that does not end is cut off at the same limit."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 2**20

    with tally.unchanged(merchant.id):
        answer = await merchant.api.client.post(
            "/v1/payments",
            content=endless(),
            headers={
                "authorization": f"Bearer {merchant.api.secret}",
                "content-type": "application/json",
                "idempotency-key": "k",
            },
        )

    refused(answer, 413, "body_too_large")


async def test_too_large_a_bulk_request(merchant: Merchant, tally: Tally) -> None:
    """Bulk requests have a limit too, a larger one."""
    with tally.unchanged(merchant.id):
        answer = await merchant.api.post("/v1/payments/bulk", b"[" + b" " * 10 * 2**20)

    refused(answer, 413, "body_too_large")


async def test_too_many_requests(start_api: Callable[..., ApiProcess], database_url: str) -> None:
    """Above the rate nothing is done; after a second the same key is served."""
    process = start_api(database_url, rate_limit_per_s="3")
    async with Api(process.url, ADMIN_KEY) as admin:
        merchant = await new_merchant(admin)
        wallet = await merchant.wallet(funds=100)
        answers = await asyncio.gather(
            *[merchant.send_payment(wallet, 1, key=f"k{number}") for number in range(20)]
        )
        late = [number for number, a in enumerate(answers) if a.status_code == 429]
        assert late
        answer = answers[late[0]]
        problem = refused(answer, 429, "too_many_requests")
        assert problem["retry"] == "same_key"
        assert answer.headers["ratelimit-policy"] == '"default";q=3;w=1'
        assert answer.headers["ratelimit"] == '"default";r=0;t=1'
        assert int(answer.headers["retry-after"]) >= 1
        bulk = [payment(wallet, 1, idempotency_key=f"b{number}") for number in range(20)]
        # The first one may be let in after a pause; what it took too much has to come back then.
        for _ in range(2):
            answer = await merchant.api.post("/v1/payments/bulk", bulk)
        refused(answer, 429, "too_many_requests")

        while (again := await merchant.send_payment(wallet, 1, key=f"k{late[0]}")).is_error:
            refused(again, 429, "too_many_requests")

        done(again, 201)
        assert "idempotent-replayed" not in again.headers


async def test_rates_are_told_on_every_answer(api: Api, merchant: Merchant) -> None:
    """Good or not, with a key or without, an answer says what may still be sent."""
    for answer in (
        await merchant.api.get("/v1/payments"),
        await merchant.api.get("/v1/payments/x"),
        await api.get("/v1/payments"),
        await api.get("/nope"),
        await api.get("/healthz"),
    ):
        assert answer.headers["ratelimit-policy"] == '"default";q=50000;w=1'
        assert answer.headers["ratelimit"].startswith('"default";r=')


async def test_huge_headers(merchant: Merchant, tally: Tally) -> None:
    """Headers of any size do no harm: they are ignored, refused, or end the connection."""
    with tally.unchanged(merchant.id):
        for size in (10_000, 60_000):
            answer = await merchant.api.post("/v1/payments", {}, x_custom="h" * size)
            refused(answer, 400, "invalid_body")
        answer = await merchant.api.post("/v1/payments", {}, x_request_id="h" * 60_000)
        refused(answer, 400, "invalid_request_id")
        # The server gives up in the middle of it, and its 431 may be lost on the way.
        with contextlib.suppress(httpx.TransportError):
            answer = await merchant.api.post("/v1/payments", {}, x_custom="h" * 1_000_000)
            assert answer.status_code == 431

    done(await merchant.api.get("/v1/payments"))
