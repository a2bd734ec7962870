"""Keys are kept for a published time; after it they make way, and payments never do."""

import asyncio

import pytest

from app.base import ids
from app.engine import idempotency
from app.engine.idempotency import store
from tests.support.builders import Merchant
from tests.support.client import refused
from tests.support.databases import execute, rows
from tests.support.engine import opened


def expire_keys(url: str, merchant: Merchant, key: str, *, in_s: int = -1) -> None:
    """Let a key's time end some seconds from now; before now by default."""
    execute(
        url,
        "UPDATE idempotency_keys SET expires_at = now() + %s * INTERVAL '1 second'"
        " WHERE merchant_id = %s AND key = %s",
        [in_s, ids.decode("merchant", merchant.id), key],
    )


def keys_of(url: str, merchant: Merchant) -> set[str]:
    """The keys that are kept for a merchant's payments."""
    found = rows(
        url,
        "SELECT key FROM idempotency_keys WHERE merchant_id = %s"
        " AND request LIKE 'POST /v1/payments %%'",
        [ids.decode("merchant", merchant.id)],
    )
    return {key for (key,) in found}


async def test_an_answer_is_promised_for_thirty_days(merchant: Merchant) -> None:
    """Each answer says for how many seconds it is kept."""
    wallet = await merchant.wallet(funds=1_000)

    answer = await merchant.send_payment(wallet, 100)

    assert answer.headers["idempotency-expires"] == str(30 * 86_400)


async def test_a_replayed_answer_says_how_long_it_is_still_kept(
    merchant: Merchant, shared_database_url: str
) -> None:
    """The seconds are those that are left of the record's life, and no new thirty days."""
    wallet = await merchant.wallet(funds=1_000)
    await merchant.send_payment(wallet, 100, key="order-1")
    expire_keys(shared_database_url, merchant, "order-1", in_s=86_400)

    again = await merchant.send_payment(wallet, 100, key="order-1")

    assert again.headers["idempotent-replayed"] == "true"
    assert 0 < int(again.headers["idempotency-expires"]) <= 86_400


async def test_an_expired_key_names_a_new_intent(
    merchant: Merchant, shared_database_url: str
) -> None:
    """After its time a key may be used again, also for another request, and acts once again."""
    wallet = await merchant.wallet(funds=1_000)
    first = await merchant.send_payment(wallet, 100, key="order-1")
    refused(await merchant.send_payment(wallet, 200, key="order-1"), 422, "idempotency_key_reused")

    expire_keys(shared_database_url, merchant, "order-1")
    answers = await asyncio.gather(
        *[merchant.send_payment(wallet, 200, key="order-1") for _ in range(10)]
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["id"] != first.json()["id"]
    assert await merchant.available(wallet) == 700


async def test_the_sweeper_takes_what_has_expired_and_nothing_else(
    merchant: Merchant, shared_database_url: str
) -> None:
    """A walk over all keys deletes the expired ones; their payments stay."""
    wallet = await merchant.wallet(funds=1_000)
    for number in range(4):
        await merchant.send_payment(wallet, 100, key=f"order-{number}")
    for number in (1, 3):
        expire_keys(shared_database_url, merchant, f"order-{number}")

    deleted, position = 0, None
    async with opened(shared_database_url) as database:
        while True:
            count, position = await idempotency.sweep(database, "local", position)
            deleted += count
            if position is None:
                break

    assert deleted >= 2
    assert keys_of(shared_database_url, merchant) == {"order-0", "order-2"}
    assert len(await merchant.api.all("/v1/payments")) == 4


async def test_the_sweeper_goes_on_where_the_page_before_ended(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the ids of merchants and keys, no page leaves a key out."""
    monkeypatch.setattr(store, "SWEEP_PAGE", 3)
    merchants = sorted(ids.new() for _ in range(4))
    # A page ends in another merchant's keys than it begins, and the ids go up and down.
    keys = [(merchant, ids.new()) for merchant in reversed(merchants) for _ in range(5)]
    async with opened(database_url) as database:
        for merchant, key in keys:
            execute(
                database_url,
                "INSERT INTO idempotency_keys (region, merchant_id, id, key, request, status, body,"
                " correlation_id, expires_at) VALUES ('local', %s, %s, 'k', 'POST /', 201, '{}',"
                " 'req_1', now())",
                [merchant, key],
            )
        deleted, position, pages = 0, None, 0
        while pages == 0 or position is not None:
            count, position = await idempotency.sweep(database, "local", position)
            deleted, pages = deleted + count, pages + 1

    assert (deleted, pages) == (20, 7)
    assert rows(database_url, "SELECT count(*) FROM idempotency_keys") == [(0,)]
