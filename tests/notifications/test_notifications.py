"""What processors tell us unasked: kept before they hear so, once, and followed up."""

import asyncio
import contextlib
import json
from collections.abc import Callable

import httpx
import pytest

from app.base import clock, ids
from app.base.pan import REMOVED, contains_pan
from app.processors.signatures import parse_secret, sign
from tests.support.acquirer import SECRET
from tests.support.builders import Merchant
from tests.support.client import Api, refused
from tests.support.databases import rows
from tests.support.processes import ApiProcess, WorkerProcess
from tests.support.rails import QUICK, Rails

WAIT_S = 40  # a few hundred times what it takes
POINTS = (
    "BEFORE_COMMIT:kill:1",
    "AFTER_COMMIT_BEFORE_ANSWER:kill:1",
    "BEFORE_EXTERNAL:kill:1",
    "AFTER_EXTERNAL:kill:1",
    "BEFORE_COMMIT:kill:2",
)
"""Before and after it is kept, before and after it is followed up, and before that is booked."""


def notification(
    merchant: str, reference: str, type_: str = "authorization.updated", **data: str
) -> bytes:
    """The text of a notification with a name of its own."""
    told = {
        "id": f"ntf_{ids.new()}",
        "type": type_,
        "created_at": "2026-01-01T00:00:00Z",
        "merchant": merchant,
        "data": {"reference": reference} | data,
    }
    return json.dumps(told).encode()


async def send(api: Api, body: bytes, secret: str = SECRET) -> httpx.Response:
    """The answer to a notification that was signed with a secret."""
    timestamp = str(int(clock.now().timestamp()))
    name = json.loads(body)["id"]
    headers = {
        "webhook_id": name,
        "webhook_timestamp": timestamp,
        "webhook_signature": sign(parse_secret(secret, "SECRET"), name, timestamp, body),
    }
    return await api.as_(None).post("/v1/notifications/acquirer", body, key=None, **headers)


def kept(url: str, body: bytes) -> list[tuple[str, str | None]]:
    """(status, note) of what is kept of a notification."""
    found = rows(
        url,
        "SELECT status, note FROM sagas WHERE name = 'notification' AND data LIKE %s",
        [f"%{json.loads(body)['id']}%"],
    )
    return [(status, note) for status, note in found]


async def until_followed_up(url: str, body: bytes) -> str | None:
    """What came of a notification."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        found = kept(url, body)
        if [status for status, _ in found] == ["done"]:
            return found[0][1]
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.1)


async def test_a_wrong_signature_is_refused(
    rails: Rails, merchant: Merchant, shared_database_url: str
) -> None:
    """What a processor has not signed is answered by 401, and nothing of it is kept."""
    body = notification(merchant.id, ids.encode("payment", ids.new()))

    answer = await send(merchant.api, body, "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBvZiB0ZXN0cw==")

    refused(answer, 401, "notification_signature_invalid")
    assert kept(shared_database_url, body) == []


async def test_a_repetition_is_kept_once(
    rails: Rails, rails_worker: WorkerProcess, merchant: Merchant, shared_database_url: str
) -> None:
    """Raced and repeated, a notification is answered by 200 each time, and kept once."""
    paid = await rails.pay(merchant, 500)
    body = notification(merchant.id, paid["id"])

    answers = await asyncio.gather(*[send(merchant.api, body) for _ in range(6)])
    note = await until_followed_up(shared_database_url, body)
    answers.append(await send(merchant.api, body))

    assert {answer.status_code for answer in answers} == {200}
    assert len(kept(shared_database_url, body)) == 1
    assert note == "it is captured"


async def test_nobody_is_told_of_unknown_merchants(
    rails: Rails, merchant: Merchant, shared_database_url: str
) -> None:
    """About a merchant that is not ours the answer is 200, so that nobody repeats it."""
    body = notification(ids.encode("merchant", ids.new()), ids.encode("payment", ids.new()))

    answer = await send(merchant.api, body)

    assert answer.status_code == 200
    assert kept(shared_database_url, body) == []


@pytest.mark.parametrize("type_", ["refund.updated", "authorization.updated", "capture.updated"])
async def test_news_of_what_is_not_there_is_harmless(
    type_: str,
    rails: Rails,
    rails_worker: WorkerProcess,
    merchant: Merchant,
    shared_database_url: str,
) -> None:
    """A notification that comes before its subject, or about none of ours, ends with a note."""
    kind = {"refund": "refund", "authorization": "payment", "capture": "capture"}
    reference = ids.encode(kind[type_.partition(".")[0]], ids.new())
    body = notification(merchant.id, reference, type_)

    assert (await send(merchant.api, body)).status_code == 200

    assert await until_followed_up(shared_database_url, body)


async def test_a_number_like_a_cards_is_taken_out(
    rails: Rails, rails_worker: WorkerProcess, merchant: Merchant, shared_database_url: str
) -> None:
    """A processor's own numbers may look like a card's by chance; its news counts all the same."""
    paid = await rails.pay(merchant, 500)
    body = notification(merchant.id, paid["id"], arn="5550990000000005")

    assert (await send(merchant.api, body)).status_code == 200

    assert await until_followed_up(shared_database_url, body) == "it is captured"
    sql = "SELECT data FROM sagas WHERE name = 'notification' AND data LIKE %s"
    [(data,)] = rows(shared_database_url, sql, [f"%{json.loads(body)['id']}%"])
    assert REMOVED in data
    assert not contains_pan(data)


async def test_a_name_like_a_cards_number_is_refused(
    rails: Rails, merchant: Merchant, shared_database_url: str
) -> None:
    """What would be kept as it is must be no card number, whoever sends it."""
    body = notification(merchant.id, "4242424242424242", "dispute.opened")

    refused(await send(merchant.api, body), 400, "card_number_not_allowed")

    assert kept(shared_database_url, body) == []


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS)
async def test_what_was_kept_is_followed_up(
    point: str,
    rails: Rails,
    rails_worker: WorkerProcess,
    merchant: Merchant,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """Killed at any step, a notification is followed up once its processor has repeated it."""
    paid = await rails.pay(merchant, 500)
    body = notification(merchant.id, paid["id"])
    settings = rails.settings | QUICK | {"saga_lease_ms": "500"}
    process = start_api(shared_database_url, faults=point, **settings)

    was_answered = False
    async with Api(process.url) as doomed:
        with contextlib.suppress(httpx.TransportError):
            was_answered = (await send(doomed, body)).status_code == 200
    assert process.wait() != 0
    if not was_answered:
        assert (await send(merchant.api, body)).status_code == 200

    assert await until_followed_up(shared_database_url, body)
    assert (await merchant.read(paid["id"]))["status"] == "captured"
