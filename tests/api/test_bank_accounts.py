"""POST and GET /v1/bank_accounts."""

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.databases import rows
from tests.support.payouts import IBAN, bank_account
from tests.support.tables import Row, table


async def test_one_is_added(merchant: Merchant) -> None:
    """A number is taken with or without spaces, and only its country and end are shown."""
    body = {"iban": "DE89 3704 0044 0532 0130 00", "name": "Ada Obi", "metadata": {"a": "b"}}

    answer = await merchant.api.post("/v1/bank_accounts", body)

    made = done(answer, 201)
    assert {name: made[name] for name in ("country", "last4", "name", "metadata", "object")} == {
        "country": "DE",
        "last4": "3000",
        "name": "Ada Obi",
        "metadata": {"a": "b"},
        "object": "bank_account",
    }
    assert made["correlation_id"] == answer.headers["x-request-id"]
    assert done(await merchant.api.get(f"/v1/bank_accounts/{made['id']}")) == made


async def test_the_number_stays_where_it_is_needed(
    merchant: Merchant, shared_database_url: str
) -> None:
    """Neither answers nor events nor kept requests have the number; only the account's row has."""
    number = "NL91ABNA0417164300"
    made = await bank_account(merchant, number)

    answer = await merchant.api.get(f"/v1/bank_accounts/{made}")
    events = await merchant.api.all("/v1/events")
    kept = rows(
        shared_database_url, "SELECT request, body FROM idempotency_keys WHERE body LIKE %s",
        [f'%"{made}"%'],
    )  # fmt: skip
    stored = rows(shared_database_url, "SELECT name FROM bank_accounts WHERE iban = %s", [number])

    assert "0417164300" not in answer.text
    assert [event["type"] for event in events] == ["bank_account.created"]
    assert "0417164300" not in str(events)
    assert kept
    assert "0417164300" not in str(kept)
    assert stored == [("Ada Obi",)]


@table("""
    iban                         why
    DE89370400440532013001       digit    -- a check digit
    DE8937040044053201300        digit    -- too short
    GB33BUKB202015555555         digit
    XX1237040044053201           digit
    123456789012345              digit
    US00                         characters
""")
async def test_wrong_numbers_are_refused(merchant: Merchant, row: Row) -> None:
    """A number that cannot be one is refused where it stands, before anything is kept."""
    body = {"iban": str(row.iban), "name": "Ada"}

    problem = refused(await merchant.api.post("/v1/bank_accounts", body), 400, "invalid_body")

    (fault,) = problem["errors"]
    assert fault["pointer"] == "/iban"
    assert row.why in fault["message"]
    assert await merchant.api.all("/v1/bank_accounts") == []


async def test_the_same_key_with_another_number_is_refused(merchant: Merchant) -> None:
    """A request is known by its number, though the number is not kept with it."""
    body = {"iban": IBAN, "name": "Ada"}
    first = await merchant.api.post("/v1/bank_accounts", body, key="k")
    again = await merchant.api.post("/v1/bank_accounts", body, key="k")
    other = await merchant.api.post(
        "/v1/bank_accounts", body | {"iban": "NL91ABNA0417164300"}, key="k"
    )

    assert done(first) == done(again)
    assert refused(other, 422, "idempotency_key_reused")["facts"]["differs_in"] == "iban"


async def test_they_are_listed_newest_first(merchant: Merchant) -> None:
    """Each of a merchant's bank accounts is found, page by page."""
    made = [await bank_account(merchant) for _ in range(3)]

    page = done(await merchant.api.get("/v1/bank_accounts", {"limit": 2}))
    listed = await merchant.api.all("/v1/bank_accounts")

    assert [account["id"] for account in page["data"]] == made[:0:-1]
    assert page["has_more"]
    assert [account["id"] for account in listed] == made[::-1]


async def test_another_merchants_is_not_there(
    merchant: Merchant, new_merchant: NewMerchant
) -> None:
    """A bank account is its merchant's alone."""
    other = await new_merchant()
    made = await bank_account(other)

    answer = await merchant.api.get(f"/v1/bank_accounts/{made}")

    refused(answer, 404, "bank_account_not_found")
