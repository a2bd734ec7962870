"""Bad paths, methods and query strings: a clear problem that names the parameter."""

from typing import Any

import httpx
import pytest

from tests.support.builders import Merchant
from tests.support.client import Api, done, refused
from tests.support.tally import Tally

LISTS = {
    "payment": "/v1/payments",
    "refund": "/v1/refunds",
    "account": "/v1/accounts",
    "transfer": "/v1/transfers",
    "event": "/v1/events",
}
every_list = pytest.mark.parametrize("path", [*LISTS.values(), "entries"])
LONG = "9" * 5_000


async def resolve(merchant: Merchant, path: str) -> str:
    """The path of a list; entries have an account before them."""
    return f"/v1/accounts/{await merchant.wallet()}/entries" if path == "entries" else path


def assert_names(answer: httpx.Response, parameter: str) -> None:
    """The answer is a 400 that names the parameter."""
    problem = refused(answer, 400, "invalid_parameter")
    assert [error["pointer"] for error in problem["errors"]] == [parameter]
    assert problem["errors"][0]["message"]


@every_list
@pytest.mark.parametrize(
    "limit",
    ["0", "101", "-1", "abc", "1e1", "1.0", "", " 1", "+1", "0x1", "\uff11", "²", LONG, "\0"],
)
async def test_limits(merchant: Merchant, path: str, limit: str) -> None:
    """A page holds 1 to 100."""
    answer = await merchant.api.get(await resolve(merchant, path), {"limit": limit})

    assert_names(answer, "limit")


@every_list
@pytest.mark.parametrize("cursor", ["starting_after", "ending_before"])
@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "pay_", "ent_", "ent_1", "ent_1_", "ent_x_1", "ent_-1_1", "ent_1_1\n", "1"),
        *("mer_01j9x6f9k2e6s8v3b7d5m4n1qz", "pay_81j9x6f9k2e6s8v3b7d5m4n1qz"),
        *("pay_01J9X6F9K2E6S8V3B7D5M4N1QZ", "pay_01j9x6f9k2e6s8v3b7d5m4n1qz ", "ent_\uff11_\uff11"),
        *("' OR 1=1 --", "\0", "é", LONG, f"ent_{LONG}_1", f"ent_1_{LONG}"),
    ],
    ids=lambda text: repr(text)[:30],
)
async def test_cursors(merchant: Merchant, path: str, cursor: str, text: str) -> None:
    """A cursor is an id of the list's own kind."""
    answer = await merchant.api.get(await resolve(merchant, path), {cursor: text})

    assert_names(answer, cursor)


@pytest.mark.parametrize("kind", LISTS)
async def test_one_direction_at_a_time(merchant: Merchant, kind: str) -> None:
    """A page cannot begin after one and end before another."""
    prefix = {"payment": "pay", "refund": "re", "account": "acct", "transfer": "tr"}.get(
        kind, "evt"
    )
    name = f"{prefix}_01j9x6f9k2e6s8v3b7d5m4n1qz"

    answer = await merchant.api.get(LISTS[kind], {"starting_after": name, "ending_before": name})

    assert_names(answer, "ending_before")


@every_list
@pytest.mark.parametrize("name", ["colour", "Limit", "limit[]", "created", "metadata", "", "\0"])
async def test_unknown_parameters(merchant: Merchant, path: str, name: str) -> None:
    """A misspelt filter is refused: it would show more than was asked for."""
    answer = await merchant.api.get(await resolve(merchant, path), {name: "1"})

    assert_names(answer, name)


@every_list
async def test_parameters_given_twice(merchant: Merchant, path: str) -> None:
    """Of two limits none is the right one."""
    answer = await merchant.api.get(f"{await resolve(merchant, path)}?limit=1&limit=2")

    assert_names(answer, "limit")


@pytest.mark.parametrize("path", LISTS.values())
@pytest.mark.parametrize("bound", ["gte", "gt", "lte", "lt"])
@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "1769860800"),
        *("2026-01-31T25:00:00Z", "12:00:00Z", "2026-01-31T12:00:00+25:00", "now", "\0", LONG),
        *("99999-01-01T00:00:00Z", "2026-W05-6T12:00:00Z", "20260131T120000Z"),
        *("2026-01-31T12:00:00+0530", "2026-01-31T12:00:00,5Z", "2026-01-31T12:00Z"),
        *("2026-01-31T12:00:61Z", "9999-12-31T23:59:60Z", "\u0662026-01-31T12:00:00Z"),
    ],
    ids=lambda text: repr(text)[:30],
)
async def test_instants(merchant: Merchant, path: str, bound: str, text: str) -> None:
    """A bound in time is an RFC 3339 instant with its offset."""
    answer = await merchant.api.get(path, {f"created[{bound}]": text})

    assert_names(answer, f"created[{bound}]")


@pytest.mark.parametrize(
    "text",
    [
        *("2126-01-31T12:00:00Z", "2126-01-31t12:00:00z", "2126-06-30T23:59:60Z"),
        *("2126-01-31T12:00:00.123456789+05:30", "2126-01-31T12:00:00-00:00"),
        "2126-01-31T12:00:00 02:00",  # a plus that a client forgot to escape
    ],
)
async def test_every_spelling_of_an_instant_is_taken(merchant: Merchant, text: str) -> None:
    """RFC 3339 allows small letters, leap seconds and any number of decimals."""
    await merchant.wallet(funds=5)

    before = await merchant.api.get("/v1/accounts", {"created[lt]": text})
    after = await merchant.api.get("/v1/accounts", {"created[gt]": text})

    assert (len(done(before)["data"]) > 0, done(after)["data"]) == (True, [])


@pytest.mark.parametrize("path", LISTS.values())
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_the_ends_of_time(merchant: Merchant, path: str, text: str) -> None:
    """The first and the last instant a calendar has are bounds like any other."""
    await merchant.wallet(funds=5)

    for bound in ("gte", "gt", "lte", "lt"):
        done(await merchant.api.get(path, {f"created[{bound}]": text}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("status", text) for text in ("", "paid", "Captured", "captured,failed", "\0")),
        *(
            (f"amount[{bound}]", text)
            for bound in ("gte", "lte")
            for text in ("-1", "1.5", "1e2", "", "x", str(2**53), str(2**63), LONG)
        ),
        ("amount", "5"),
        ("amount[gt]", "5"),
        ("metadata[]", "x"),
        (f"metadata[{'n' * 41}]", "x"),
        ("metadata[a", "x"),
        ("metadata[a]", "\0"),
        ("metadata[\0]", "x"),
        ("customer", "\0"),
    ],
    ids=lambda text: repr(text)[:30],
)
async def test_filters_of_payments(merchant: Merchant, name: str, text: str) -> None:
    """A filter that cannot match anything by mistake is refused."""
    answer = await merchant.api.get("/v1/payments", {name: text})

    assert_names(answer, name)


@pytest.mark.parametrize(
    "query",
    [
        *("customer=%FF", "customer=%ED%A0%80", "customer=%", "customer=%zz", "customer=%00%00"),
        *("metadata[%FF]=%FF", "metadata[%ED%A0%80]=a", "limit=%FF", "&&&=&", "%FF=1", "=", ";"),
        *("starting_after=%ED%A0%80", "status=%FF", "created[gte]=%FF", "customer=" + "c" * 8_000),
    ],
    ids=lambda query: query[:30],
)
async def test_query_strings_that_are_no_text(merchant: Merchant, query: str) -> None:
    """Whatever bytes arrive, the answer is a page or a refusal."""
    address = f"{merchant.api.url}/v1/payments?{query}"

    answer = await merchant.api.client.get(
        address, headers={"authorization": f"Bearer {merchant.api.secret}"}
    )

    if answer.status_code == 200:
        assert answer.json()["data"] == []
    else:
        refused(answer, 400, "invalid_parameter")


@pytest.mark.parametrize(
    "text",
    [
        *("9999-01-01T00:00:00Z", "2200-01-01T00:00:00+01:00"),
        *("2026-01-31", "2026-01-31T12:00:00", "yesterday", "", "0", "\0", "1e9", LONG),
        "-0001-01-01T00:00:00Z",
    ],
    ids=lambda text: repr(text)[:30],
)
async def test_balances_as_of(merchant: Merchant, text: str) -> None:
    """There is no balance as of the future, nor as of a time without a zone."""
    path = f"/v1/accounts/{await merchant.wallet(funds=5)}/balance"

    assert_names(await merchant.api.get(path, {"as_of": text}), "as_of")
    assert_names(await merchant.api.get(path, {"at": text}), "at")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"])
async def test_balances_before_everything(merchant: Merchant, text: str) -> None:
    """As of long ago a balance was nothing."""
    path = f"/v1/accounts/{await merchant.wallet(funds=5)}/balance"

    assert done(await merchant.api.get(path, {"as_of": text}))["posted"] == 0


@pytest.mark.parametrize(
    ("name", "path"),
    [("payment", "/v1/refunds"), ("object", "/v1/events")],
)
@pytest.mark.parametrize("text", ["", "x", "mer_01j9x6f9k2e6s8v3b7d5m4n1qz", "\0", LONG])
async def test_filters_by_object(merchant: Merchant, name: str, path: str, text: str) -> None:
    """A filter by object is an id."""
    assert_names(await merchant.api.get(path, {name: text}), name)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/payments/{}",
        "/v1/refunds/{}",
        "/v1/accounts/{}",
        "/v1/accounts/{}/balance",
        "/v1/accounts/{}/entries",
        "/v1/transfers/{}",
        "/v1/events/{}",
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        *(
            "x",
            "0",
            "-1",
            "null",
            "pay_",
            "%00",
            "%FF",
            "%ED%A0%80",
            "a%2Fb",
            "..%2F..",
            "%27%3B--",
        ),
        *("PAY_01J9X6F9K2E6S8V3B7D5M4N1QZ", "pay_81j9x6f9k2e6s8v3b7d5m4n1qz", "n" * 1_000, "é"),
        "0192fa67-a662-71b2-8d8d-3c6a9a26e3f7",
    ],
    ids=lambda name: name[:30],
)
async def test_ids_in_paths(merchant: Merchant, path: str, name: str) -> None:
    """What is no id names nothing, and is not repeated at length."""
    answer = await merchant.api.get(path.format(name))

    assert answer.status_code == 404
    refused(answer, 404, answer.json()["code"])
    assert len(answer.json()["detail"]) < 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/payments", {"GET", "POST"}),
        ("/v1/payments/pay_01j9x6f9k2e6s8v3b7d5m4n1qz", {"GET"}),
        ("/v1/payments/pay_01j9x6f9k2e6s8v3b7d5m4n1qz/capture", {"POST"}),
        ("/v1/payments/bulk", {"POST"}),
        ("/v1/refunds", {"GET", "POST"}),
        ("/v1/accounts", {"GET", "POST"}),
        ("/v1/transfers", {"GET", "POST"}),
        ("/v1/deposits", {"POST"}),
        ("/v1/events", {"GET"}),
        ("/v1/merchants", {"GET", "POST"}),
        ("/v1/api_keys", {"GET", "POST"}),
        ("/healthz", {"GET"}),
    ],
)
async def test_methods(
    merchant: Merchant, tally: Tally, method: str, path: str, allowed: set[str]
) -> None:
    """Nothing is replaced or deleted, and `Allow` says what can be done instead."""
    with tally.unchanged(merchant.id):
        answer = await merchant.api.request(method, path)

    refused(answer, 405, "method_not_allowed")
    assert allowed <= {name.strip() for name in answer.headers["allow"].split(",")}
    assert method not in answer.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/payments", "/v1/nope", "/v1/payments/a/b/c", "/v1/payment", "/%00"]
)
async def test_paths(api: Api, path: str) -> None:
    """What is nowhere is not found, as a problem."""
    for method in ("GET", "POST", "DELETE"):
        answer = await api.request(method, path)
        problem: dict[str, Any] = refused(answer, 404, "route_not_found")
        assert problem["request_id"] == answer.headers["x-request-id"]
