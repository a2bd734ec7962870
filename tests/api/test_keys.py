"""/v1/merchants and /v1/api_keys, and what a key may do."""

import asyncio
import time
from uuid import uuid4

import pytest

from tests.support.builders import Merchant, payment
from tests.support.client import Api, done, refused
from tests.support.tally import Tally

REVOKED_S = 5  # what the promise says


async def test_a_merchant_is_recorded(admin: Api) -> None:
    """A merchant has its fee plan, its mode and its home, and is read as it was answered."""
    plan = {"name": "Ọbí's stall", "mode": "live", "fee_bps": 10, "fee_fixed": 0}

    made = done(await admin.post("/v1/merchants", plan | {"home_region": "eu-west1"}))

    told = plan | {"home_region": "eu-west1", "object": "merchant"}
    assert {name: made[name] for name in told} == told
    assert done(await admin.get(f"/v1/merchants/{made['id']}")) == made


async def test_merchants_are_listed_oldest_first(admin: Api, merchant: Merchant) -> None:
    """From any merchant on, the later ones come, page by page."""
    later = [
        done(await admin.post("/v1/merchants", {"name": f"stall {number}"}))["id"]
        for number in range(3)
    ]

    found = await admin.all("/v1/merchants", limit=2, starting_after=merchant.id)

    ids = [one["id"] for one in found]
    assert [name for name in ids if name in later] == later
    assert merchant.id not in ids


async def test_a_secret_is_shown_once(admin: Api, merchant: Merchant) -> None:
    """The answer that makes a key has the secret; the list has its prefix only."""
    body = {"merchant": merchant.id, "name": "till", "scopes": ["read"]}

    answer = await admin.post("/v1/api_keys", body)

    made = done(answer, 201)
    assert made["secret"].startswith("sk_test_")
    assert len(made["secret"]) >= len("sk_test_") + 22  # 128 bits in base64
    assert made["secret"].startswith(made["prefix"])
    assert len(made["prefix"]) <= 12
    listed = await admin.get("/v1/api_keys", {"merchant": merchant.id})
    assert made["secret"] not in listed.text
    keys = {key["id"]: key for key in done(listed)["data"]}
    assert set(keys) == {merchant.key_id, made["id"]}
    assert keys[made["id"]] == {
        name: made[name] for name in made if name not in {"secret", "publishable_key"}
    }


async def test_scopes(admin: Api, merchant: Merchant, tally: Tally) -> None:
    """A key that may look cannot act, one that may act cannot look; no key of theirs is used up."""
    wallet = await merchant.wallet(funds=100)
    readers, writers = [
        merchant.api.as_(
            done(await admin.post("/v1/api_keys", {"merchant": merchant.id, "scopes": [s]}))[
                "secret"
            ]
        )
        for s in ("read", "write")
    ]

    done(await readers.get(f"/v1/accounts/{wallet}"))
    with tally.unchanged(merchant.id):
        answer = await readers.post("/v1/payments", payment(wallet, 5), key="k")
    problem = refused(answer, 403, "forbidden")
    assert "'write'" in problem["detail"]
    refused(await writers.get(f"/v1/accounts/{wallet}"), 403, "forbidden")
    paid = await writers.post("/v1/payments", payment(wallet, 5), key="k")
    done(paid, 201)
    assert "idempotent-replayed" not in paid.headers


async def test_a_revoked_key_ends_within_five_seconds(admin: Api, merchant: Merchant) -> None:
    """A key in use stops working, the others go on, and revoking it again changes nothing."""
    key = done(await admin.post("/v1/api_keys", {"merchant": merchant.id}))
    caller = merchant.api.as_(key["secret"])
    done(await caller.get("/v1/payments"))

    revoked = done(await admin.post(f"/v1/api_keys/{key['id']}/revoke"))
    start = time.monotonic()
    asked = start
    while (answer := await caller.get("/v1/payments")).status_code == 200:
        assert asked - start < REVOKED_S
        await asyncio.sleep(0.05)
        asked = time.monotonic()

    refused(answer, 401, "unauthorized")
    done(await merchant.api.get("/v1/payments"))
    assert revoked["revoked_at"] is not None
    assert done(await admin.post(f"/v1/api_keys/{key['id']}/revoke")) == revoked


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/merchants/mer_01j9x6f9k2e6s8v3b7d5m4n1qz"),
        ("GET", "/v1/merchants/mer_x"),
        ("POST", "/v1/api_keys/key_01j9x6f9k2e6s8v3b7d5m4n1qz/revoke"),
        ("POST", "/v1/api_keys/x/revoke"),
    ],
)
async def test_what_is_not_there(admin: Api, method: str, path: str) -> None:
    """Unknown merchants and keys are not found."""
    answer = await admin.request(method, path, idempotency_key=str(uuid4()))

    assert answer.status_code == 404
    refused(answer, 404, answer.json()["code"])


async def test_no_key_for_nobody(admin: Api) -> None:
    """A key needs a merchant that exists."""
    body = {"merchant": "mer_01j9x6f9k2e6s8v3b7d5m4n1qz"}

    refused(await admin.post("/v1/api_keys", body), 404, "merchant_not_found")


async def test_the_list_of_keys_needs_a_merchant(admin: Api) -> None:
    """Keys of all merchants at once are nobody's business."""
    refused(await admin.get("/v1/api_keys"), 400, "invalid_parameter")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/merchants"),
        ("POST", "/v1/merchants"),
        ("GET", "/v1/merchants/mer_01j9x6f9k2e6s8v3b7d5m4n1qz"),
        ("GET", "/v1/api_keys"),
        ("POST", "/v1/api_keys"),
        ("POST", "/v1/api_keys/key_01j9x6f9k2e6s8v3b7d5m4n1qz/revoke"),
    ],
)
async def test_merchants_are_no_operators(
    api: Api, admin: Api, merchant: Merchant, method: str, path: str
) -> None:
    """The operator's routes take no merchant's key, and a merchant's routes not the operator's."""
    for caller in (api, merchant.api, api.as_("admin"), api.as_("é")):
        refused(await caller.request(method, path), 401, "unauthorized")
    refused(await admin.get("/v1/payments"), 401, "unauthorized")
