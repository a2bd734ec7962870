"""/v1/customers: create, read, update, list, delete."""

from typing import Any

import pytest

from tests.support.builders import Merchant
from tests.support.client import done, refused

ADA = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "+2348012345678",
    "description": "Likes it hot",
    "metadata": {"table": "7"},
}


async def test_create_and_read(merchant: Merchant) -> None:
    """What was given comes back, and is read again the same."""
    made = done(await merchant.api.post("/v1/customers", ADA), 201)

    assert made["id"].startswith("cus_")
    assert {name: made[name] for name in ADA} == ADA
    assert made["status"] == "active"
    assert done(await merchant.api.get(f"/v1/customers/{made['id']}")) == made


async def test_nothing_has_to_be_said(merchant: Merchant) -> None:
    """A customer may be just an id."""
    made = done(await merchant.api.post("/v1/customers", {}), 201)

    assert (made["name"], made["email"], made["metadata"]) == (None, None, {})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"name": "A. L."}, {"name": "A. L."}),
        ({"email": None, "phone": None}, {"email": None, "phone": None}),
        ({"metadata": {"a": "1"}}, {"metadata": {"a": "1"}}),
        ({"metadata": {}}, {"metadata": {}}),
        ({"name": ADA["name"]}, {}),
    ],
)
async def test_update(merchant: Merchant, changes: dict[str, Any], expected: Any) -> None:
    """What is given is changed, `null` empties, the rest stays; an event tells of a difference."""
    made = done(await merchant.api.post("/v1/customers", ADA), 201)
    path = f"/v1/customers/{made['id']}"

    updated = done(await merchant.api.post(path, changes), 200)

    assert updated == made | expected | {"updated_at": updated["updated_at"]}
    assert done(await merchant.api.get(path)) == updated
    events = await merchant.api.all("/v1/events", object=made["id"])
    types = ["customer.updated", "customer.created"] if expected else ["customer.created"]
    assert [event["type"] for event in events] == types
    assert events[0]["data"] == updated


async def test_an_empty_field_is_not_an_absent_one(merchant: Merchant) -> None:
    """One key for a field that is `null` and for none at all is reused for another request."""
    path = f"/v1/customers/{await merchant.customer(name='Ada')}"
    done(await merchant.api.post(path, {}, key="k"), 200)

    problem = refused(
        await merchant.api.post(path, {"name": None}, key="k"), 422, "idempotency_key_reused"
    )

    assert problem["facts"] == {"differs_in": "name"}


async def test_delete(merchant: Merchant) -> None:
    """A deleted customer is read, not listed, and not changed; deleting again changes nothing."""
    kept, gone = [await merchant.customer(name=name) for name in ("Bola", "Ada")]

    for _ in range(2):
        deleted = done(await merchant.api.post(f"/v1/customers/{gone}/delete"), 200)
        assert (deleted["status"], deleted["name"]) == ("deleted", "Ada")

    assert done(await merchant.api.get(f"/v1/customers/{gone}")) == deleted
    assert [c["id"] for c in await merchant.api.all("/v1/customers")] == [kept]
    answer = await merchant.api.post(f"/v1/customers/{gone}", {"name": "Eve"})
    refused(answer, 409, "customer_deleted")
    events = await merchant.api.all("/v1/events", object=gone)
    assert [event["type"] for event in events] == ["customer.deleted", "customer.created"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a" * 256},
        {"name": "a\x00b"},
        {"email": "nobody"},
        {"email": "a b@c"},
        {"phone": "0801"},
        {"metadata": {"a": 1}},
        {"age": 36},
    ],
)
async def test_bad_fields_are_refused(merchant: Merchant, fields: dict[str, Any]) -> None:
    """In a new customer and in a change."""
    made = await merchant.customer()
    for path in ("/v1/customers", f"/v1/customers/{made}"):
        refused(await merchant.api.post(path, fields), 400, "invalid_body")


async def test_who_is_not_there_is_not_found(merchant: Merchant) -> None:
    """For every request that names one."""
    nobody = "/v1/customers/cus_01j9x6f9k2e6s8v3b7d5m4n1qz"
    refused(await merchant.api.get(nobody), 404, "customer_not_found")
    refused(await merchant.api.post(nobody, {"name": "x"}), 404, "customer_not_found")
    refused(await merchant.api.post(f"{nobody}/delete"), 404, "customer_not_found")
