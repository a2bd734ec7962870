"""/v1/payment_methods: cards by their tokens; the number goes to the vault and not here."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import Api, done, refused
from tests.support.databases import Server, rows
from tests.support.processes import ADMIN_KEY, free_port
from tests.support.tally import Tally
from tests.support.vault import VaultProcess

PATH = "/v1/payment_methods"
VISA = "4242424242424242"
NOBODY = "pm_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def register(merchant: Merchant, token: str, **fields: Any) -> dict[str, Any]:
    """The payment method made of a token."""
    return done(await merchant.api.post(PATH, {"token": token} | fields), 201)


async def test_a_browser_needs_the_api_only_for_its_key(
    merchant: Merchant, vault: VaultProcess, admin: Api
) -> None:
    """The merchant is told the publishable key and where the vault is; a card gets in with it."""
    told = done(await merchant.api.get(f"{PATH}/key"))

    assert told["vault_url"] == vault.url
    card = {"number": VISA, "exp_month": 12, "exp_year": 2040}
    token = vault.post("/tokens", told["publishable_key"], card).json()["id"]
    made = await register(merchant, token)
    assert made["id"] == token
    shown = done(await admin.get(f"/v1/merchants/{merchant.id}"))
    assert shown["publishable_key"] == told["publishable_key"]
    key = done(await admin.post("/v1/api_keys", {"merchant": merchant.id}))
    assert key["publishable_key"] == told["publishable_key"]


async def test_a_rotated_key_is_refused(
    merchant: Merchant, vault: VaultProcess, admin: Api
) -> None:
    """The operator ends a merchant's publishable key; the next one is shown and works."""
    path = f"/v1/merchants/{merchant.id}"
    old = done(await admin.get(path))["publishable_key"]
    card = {"number": VISA, "exp_month": 12, "exp_year": 2040}
    left = vault.post("/tokens", old, card).json()["id"]

    rotated = done(await admin.post(f"{path}/publishable_key/rotate", {}), 200)

    new = rotated["publishable_key"]
    assert new != old
    refused(vault.post("/tokens", old, card), 401, "vault_unauthorized")
    assert vault.post("/tokens", new, card).status_code == 201
    assert done(await admin.get(path)) == rotated
    made = done(await admin.post("/v1/api_keys", {"merchant": merchant.id}))
    assert made["publishable_key"] == new
    assert (await register(merchant, left))["id"] == left


async def test_a_key_is_rotated_in_the_vault_or_not_at_all(
    start_api: Any, merchant: Merchant, vault: VaultProcess, shared_database_url: str
) -> None:
    """Without its vault an api ends no key, and says so; nor does it for nobody, or for anybody."""
    path = f"/v1/merchants/{merchant.id}/publishable_key/rotate"
    nobody = "/v1/merchants/mer_01j9x6f9k2e6s8v3b7d5m4n1qz/publishable_key/rotate"
    told = vault.for_callers() | {"vault_url": f"http://127.0.0.1:{free_port()}"}
    lost, without = (start_api(shared_database_url, **more).url for more in (told, {}))

    async with Api(lost, ADMIN_KEY) as admin, Api(without, ADMIN_KEY) as cardless:
        shown = done(await admin.get(f"/v1/merchants/{merchant.id}"))
        refused(await admin.post(path, {}), 503, "vault_unreachable")
        refused(await cardless.post(path, {}), 404, "cards_not_set_up")
        refused(await admin.post(nobody, {}), 404, "merchant_not_found")
        refused(await merchant.api.post(path, {}), 401, "unauthorized")
        assert done(await admin.get(f"/v1/merchants/{merchant.id}")) == shown

    key = shown["publishable_key"]
    card = {"number": VISA, "exp_month": 12, "exp_year": 2040}
    assert vault.post("/tokens", key, card).status_code == 201


async def test_register_and_read(merchant: Merchant, vault: VaultProcess) -> None:
    """What may be shown of the card comes from the vault."""
    customer = await merchant.customer()
    token = vault.tokenize(VISA, merchant.id)

    made = await register(merchant, token["id"], customer=customer)

    names = ("brand", "bin", "last4", "exp_month", "exp_year")
    assert made["card"] == {name: token[name] for name in names}
    assert (made["id"], made["type"], made["status"]) == (token["id"], "card", "attached")
    assert made["customer"] == customer
    assert done(await merchant.api.get(f"{PATH}/{token['id']}")) == made
    (event,) = await merchant.api.all("/v1/events", object=token["id"])
    assert (event["type"], event["data"]) == ("payment_method.attached", made)


async def test_lists(merchant: Merchant, vault: VaultProcess) -> None:
    """All of the merchant's, or one customer's, newest first."""
    ada, bola = await merchant.customer(), await merchant.customer()
    tokens = [vault.tokenize(VISA, merchant.id)["id"] for _ in range(5)]
    for token, owner in zip(tokens, (ada, bola, ada, None, ada), strict=True):
        await register(merchant, token, **({"customer": owner} if owner else {}))

    for params, expected in (
        ({}, tokens),
        ({"customer": ada}, [tokens[0], tokens[2], tokens[4]]),
        ({"customer": bola}, [tokens[1]]),
    ):
        found = await merchant.api.all(PATH, **params, limit=2)
        assert [method["id"] for method in found] == expected[::-1]


async def test_registered_once(merchant: Merchant, vault: VaultProcess) -> None:
    """The same token again is no news; it can become a customer's, and then no other's."""
    ada, bola = await merchant.customer(), await merchant.customer()
    token = vault.tokenize(VISA, merchant.id)["id"]
    first = await register(merchant, token)

    again = await merchant.api.post(PATH, {"token": token})
    given = await register(merchant, token, customer=ada)
    taken = await merchant.api.post(PATH, {"token": token, "customer": bola})

    assert done(again, 201) == first
    assert given == first | {"customer": ada} | {
        name: given[name] for name in ("updated_at", "correlation_id")
    }
    refused(taken, 409, "payment_method_taken")
    events = await merchant.api.all("/v1/events", object=token)
    assert [event["type"] for event in events] == ["payment_method.attached"] * 2


async def test_registered_at_once_from_everywhere(merchant: Merchant, vault: VaultProcess) -> None:
    """Many requests for one token make one payment method."""
    token = vault.tokenize(VISA, merchant.id)["id"]

    answers = await asyncio.gather(*[merchant.api.post(PATH, {"token": token}) for _ in range(20)])

    assert len({done(answer, 201)["updated_at"] for answer in answers}) == 1
    assert len(await merchant.api.all("/v1/events", object=token)) == 1


async def test_a_repeated_request_is_replayed(merchant: Merchant, vault: VaultProcess) -> None:
    """Under one key the first answer comes back, byte for byte."""
    token = vault.tokenize(VISA, merchant.id)["id"]
    first, second = [await merchant.api.post(PATH, {"token": token}, key="k") for _ in range(2)]

    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert second.headers["idempotent-replayed"] == "true"


async def test_tokens_of_the_same_card(
    merchant: Merchant, new_merchant: NewMerchant, vault: VaultProcess
) -> None:
    """A merchant may ask which of its tokens are of one card; nobody sees a fingerprint."""
    other = await new_merchant()
    tokens = [vault.tokenize(VISA, merchant.id)["id"] for _ in range(2)]
    vault.tokenize(VISA, other.id)
    path = f"{PATH}/{tokens[0]}/same_card"

    shown = done(await merchant.api.get(path))

    assert shown == {"payment_method": tokens[0], "same": [tokens[1]], "object": "same_card"}
    refused(await other.api.get(path), 404, "payment_method_not_found")
    refused(await merchant.api.get(f"{PATH}/{NOBODY}/same_card"), 404, "payment_method_not_found")


async def test_the_database_has_no_fingerprints(
    merchant: Merchant, vault: VaultProcess, shared_database_url: str
) -> None:
    """What this database keeps of a card is nothing by which guesses could be compared."""
    await register(merchant, vault.tokenize(VISA, merchant.id)["id"])

    named = rows(
        shared_database_url,
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_name = 'payment_methods' AND column_name LIKE %s",
        ["%fingerprint%"],
    )
    [(kept,)] = rows(
        shared_database_url,
        "SELECT CAST(count(*) AS INT8) FROM events WHERE CAST(data AS TEXT) LIKE %s",
        ["%fingerprint%"],
    )

    assert (named, kept) == ([], 0)


async def test_detach(merchant: Merchant, vault: VaultProcess) -> None:
    """A detached one is read, not listed, and never attached again."""
    token = vault.tokenize(VISA, merchant.id)["id"]
    await register(merchant, token)

    for _ in range(2):
        detached = done(await merchant.api.post(f"{PATH}/{token}/detach"), 200)
        assert detached["status"] == "detached"

    assert done(await merchant.api.get(f"{PATH}/{token}")) == detached
    assert await merchant.api.all(PATH) == []
    refused(await merchant.api.post(PATH, {"token": token}), 409, "payment_method_detached")


async def test_a_deleted_customer_has_none(merchant: Merchant, vault: VaultProcess) -> None:
    """Deleting a customer detaches what they had, and nobody else's."""
    ada, bola = await merchant.customer(), await merchant.customer()
    tokens = [vault.tokenize(VISA, merchant.id)["id"] for _ in range(3)]
    for token, owner in zip(tokens, (ada, ada, bola), strict=True):
        await register(merchant, token, customer=owner)

    done(await merchant.api.post(f"/v1/customers/{ada}/delete"), 200)

    assert [method["id"] for method in await merchant.api.all(PATH)] == [tokens[2]]
    for token in tokens[:2]:
        events = await merchant.api.all("/v1/events", object=token)
        assert events[0]["type"] == "payment_method.detached"
    token = vault.tokenize(VISA, merchant.id)["id"]
    answer = await merchant.api.post(PATH, {"token": token, "customer": ada})
    refused(answer, 409, "customer_deleted")


@pytest.mark.parametrize("fields", [{}, {"token": "x"}, {"token": 1}, {"token": NOBODY, "a": 1}])
async def test_bad_bodies_are_refused(merchant: Merchant, fields: dict[str, Any]) -> None:
    """A token has to be one in form."""
    refused(await merchant.api.post(PATH, fields), 400, "invalid_body")


async def test_what_is_not_there_is_not_found(merchant: Merchant, vault: VaultProcess) -> None:
    """Tokens that the vault does not know, customers that nobody knows."""
    token = vault.tokenize(VISA, merchant.id)["id"]
    nobody = {"token": token, "customer": "cus_01j9x6f9k2e6s8v3b7d5m4n1qz"}
    refused(await merchant.api.post(PATH, nobody), 404, "customer_not_found")
    refused(await merchant.api.post(PATH, {"token": NOBODY}), 404, "payment_method_not_found")
    refused(await merchant.api.get(f"{PATH}/{NOBODY}"), 404, "payment_method_not_found")
    refused(await merchant.api.get(f"{PATH}/{token}"), 404, "payment_method_not_found")
    detach = await merchant.api.post(f"{PATH}/{token}/detach")
    refused(detach, 404, "payment_method_not_found")


async def test_a_token_is_its_merchants_own(
    merchant: Merchant, new_merchant: NewMerchant, vault: VaultProcess, tally: Tally
) -> None:
    """Another merchant's token is as unknown as none, registered or not."""
    other = await new_merchant()
    fresh, known = [vault.tokenize(VISA, other.id)["id"] for _ in range(2)]
    await register(other, known)

    with tally.unchanged(merchant.id, other.id):
        for token in (fresh, known):
            answer = await merchant.api.post(PATH, {"token": token})
            refused(answer, 404, "payment_method_not_found")
            answer = await merchant.api.get(f"{PATH}/{token}")
            refused(answer, 404, "payment_method_not_found")
            await merchant.api.post(f"{PATH}/{token}/detach", key=None)
    assert await merchant.api.all(PATH) == []


async def test_without_a_vault_nobody_decides(
    start_api: Any, new_merchant: NewMerchant, shared_database_url: str
) -> None:
    """An api that cannot ask the vault says so, and knows no publishable key."""
    theirs = await new_merchant()
    async with Api(start_api(shared_database_url).url, theirs.api.secret) as alone:
        answer = await alone.post(PATH, {"token": NOBODY})
        refused(answer, 503, "vault_unreachable")
        refused(await alone.get(f"{PATH}/key"), 404, "cards_not_set_up")


async def test_beyond_the_limit_nothing_is_decided(
    server: Server,
    start_api: Any,
    new_merchant: NewMerchant,
    shared_database_url: str,
    tmp_path: Path,
) -> None:
    """Asking the vault about too many cards is answered 429, and the key stays free."""
    merchant = await new_merchant()
    account = await merchant.wallet(funds=5_000)
    limited = {"vault_bin_cards_per_h": "10"}
    with VaultProcess(server.new_vault_database(), tmp_path, **limited) as strict:
        strict.start(vault_bin_cards_per_h="20")
        tokens = [strict.tokenize(VISA, merchant.id)["id"] for _ in range(2)]
        strict.restart(**limited)
        url = start_api(shared_database_url, **strict.for_callers()).url
        async with Api(url, merchant.api.secret) as api:
            done(await api.post(PATH, {"token": tokens[0]}), 201)
            card = {"type": "card", "id": tokens[1]}
            payment = {"amount": 100, "currency": "USD", "payment_method": card}

            registered = await api.post(PATH, {"token": tokens[1]}, key="k1")
            paid = await api.post("/v1/payments", payment, key="k2")
            compared = await api.get(f"{PATH}/{tokens[0]}/same_card")

            for answer in (registered, paid, compared):
                refused(answer, 429, "too_many_cards")
                assert 0 < int(answer.headers["retry-after"]) <= 360
            wallet = {"type": "wallet", "account": account}
            for key in ("k1", "k2"):
                body = payment | {"payment_method": wallet}
                done(await api.post("/v1/payments", body, key=key), 201)
        strict.stop()


async def test_a_registration_that_is_repeated_needs_no_vault(
    start_api: Any, merchant: Merchant, vault: VaultProcess, shared_database_url: str
) -> None:
    """A key that has its answer keeps it, whether or not the vault can be asked."""
    key, body = "card-1", {"token": vault.tokenize(VISA, merchant.id)["id"]}
    made = done(await merchant.api.post(PATH, body, key=key), 201)

    async with Api(start_api(shared_database_url).url, merchant.api.secret) as alone:
        assert done(await alone.post(PATH, body, key=key), 201) == made
        other = await alone.post(PATH, {"token": NOBODY}, key=key)
        refused(other, 422, "idempotency_key_reused")
