"""/v1/fee_plans: the operator says what payments cost."""

from typing import Any

import pytest

from tests.support.builders import Merchant
from tests.support.client import Api, done, refused

UNKNOWN = "fee_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_a_plans_life(admin: Api, merchant: Merchant) -> None:
    """A plan is made, listed, replaced by another for the same, and ended."""
    body = {
        "merchant": merchant.id,
        "rail": "card",
        "bps": 250,
        "fixed": 20,
        "min": 30,
        "max": 5_000,
        "refunded": True,
    }

    first = done(await admin.post("/v1/fee_plans", body), 201)
    assert {name: first[name] for name in body} == body
    assert (first["currency"], first["ended_at"], first["object"]) == (None, None, "fee_plan")
    refused(await admin.post("/v1/fee_plans", body), 409, "fee_plan_exists")

    replaced = await admin.post(f"/v1/fee_plans/{first['id']}/replace", {"bps": 200})
    second = done(replaced, 201)
    told = [second[n] for n in ("rail", "currency", "bps", "fixed", "min", "max", "refunded")]
    assert told == ["card", None, 200, 0, 0, None, False]
    again = await admin.post(f"/v1/fee_plans/{first['id']}/replace", {"bps": 1})
    refused(again, 409, "fee_plan_ended")

    ended = done(await admin.post(f"/v1/fee_plans/{second['id']}/end", {}), 200)
    listed = done(await admin.get("/v1/fee_plans", {"merchant": merchant.id}))
    assert [each["id"] for each in listed["data"]] == [first["id"], second["id"]]
    assert listed["data"][1] == ended
    assert all(each["ended_at"] for each in listed["data"])


async def test_a_list_has_pages(admin: Api, merchant: Merchant) -> None:
    """All plans come once, in the order of their making."""
    made = [
        done(await admin.post("/v1/fee_plans", _plan(merchant, currency=c)), 201)["id"]
        for c in ("USD", "EUR", "JPY")
    ]

    first = done(await admin.get("/v1/fee_plans", {"merchant": merchant.id, "limit": 2}))
    asked = {"merchant": merchant.id, "limit": 2, "starting_after": first["data"][-1]["id"]}
    second = done(await admin.get("/v1/fee_plans", asked))

    assert [each["id"] for each in first["data"] + second["data"]] == made
    assert (first["has_more"], second["has_more"]) == (True, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"bps": 10_001},
        {"bps": -1},
        {"fixed": -1},
        {"min": 2, "max": 1},
        {"rail": "cheque"},
        {"currency": "XXX"},
        {"bps": 1.5},
        {"refunded": "yes"},
        {"percent": 2},
        {"merchant": UNKNOWN},
    ],
)
async def test_bad_plans(admin: Api, merchant: Merchant, fields: dict[str, Any]) -> None:
    """What is no plan is refused with the field named."""
    answer = await admin.post("/v1/fee_plans", _plan(merchant) | fields)

    assert refused(answer, 400, "invalid_body")["errors"]


async def test_only_the_operator_may(merchant: Merchant) -> None:
    """A merchant neither sees nor makes plans."""
    refused(await merchant.api.post("/v1/fee_plans", _plan(merchant)), 401, "unauthorized")
    listing = await merchant.api.get("/v1/fee_plans", {"merchant": merchant.id})
    refused(listing, 401, "unauthorized")


async def test_what_is_not_there(admin: Api) -> None:
    """An unknown plan or merchant is not found."""
    body = {"merchant": "mer_01j9x6f9k2e6s8v3b7d5m4n1qz", "bps": 1}
    refused(await admin.post("/v1/fee_plans", body), 404, "merchant_not_found")
    for path, fields in (("replace", {"bps": 1}), ("end", {})):
        answer = await admin.post(f"/v1/fee_plans/{UNKNOWN}/{path}", fields)
        refused(answer, 404, "fee_plan_not_found")
    refused(await admin.get("/v1/fee_plans"), 400, "invalid_parameter")


def _plan(merchant: Merchant, **fields: Any) -> dict[str, Any]:
    return {"merchant": merchant.id, "bps": 100} | fields
