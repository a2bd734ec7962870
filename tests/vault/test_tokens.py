"""POST /tokens and GET /tokens/{token}: a card is kept, and only what may be shown is answered."""

import gzip
import json

import httpx
import pytest

from app.base import ids
from tests.support.client import done, refused
from tests.support.databases import rows
from tests.support.vault import API_KEY, VaultProcess, card

VISA = "4242424242424242"


@pytest.mark.parametrize(
    ("number", "brand", "cvc"),
    [
        ("4242424242424242", "visa", "123"),
        ("4000 0566 5566 5556", "visa", "123"),
        ("4222222222222", "visa", None),
        ("5555-5555-5555-4444", "mastercard", "123"),
        ("2223003122003222", "mastercard", "123"),
        ("378282246310005", "amex", "1234"),
        ("6011111111111117", "discover", "123"),
        ("30569309025904", "diners", "123"),
        ("3056930009020004", "diners", "123"),
        ("3531137625674412847", "jcb", "123"),
        ("6011364502062370230", "discover", "123"),
        ("8171999927660000", "unionpay", "123"),
        ("507850785078507812", "verve", "123"),
        ("5066991111111118", "elo", "123"),
        ("6062826786276634", "hipercard", "123"),
        ("2200000000000004", "mir", "123"),
        ("9792030000000000", "troy", "123"),
        ("3566002020360505", "jcb", "123"),
        ("6200000000000005", "unionpay", "123"),
        ("5061460410120223210", "verve", "123"),
        ("6304000000000000000", "maestro", "123"),
    ],
)
def test_a_card_becomes_a_token(
    vault: VaultProcess, merchant_id: str, number: str, brand: str, cvc: str | None
) -> None:
    """The answer has the first six and last four digits of the number, and nothing of the code."""
    token = vault.tokenize(number, merchant_id, cvc=cvc, name="Ada")

    digits = number.replace(" ", "").replace("-", "")
    assert ids.decode("payment_method", token["id"]).version == 7
    assert (token["brand"], token["bin"], token["last4"]) == (brand, digits[:6], digits[-4:])
    assert (token["exp_month"], token["exp_year"]) == (12, 2040)
    assert set(token) == {*("id", "brand", "last4", "bin", "exp_month", "exp_year", "created_at")}


def test_the_api_can_read_a_token(vault: VaultProcess, merchant_id: str) -> None:
    """With the api's key the answer has what the browser was told, and no more of the card."""
    token = vault.tokenize(VISA, merchant_id)

    assert vault.ask(token["id"], merchant_id).json() == token


def test_a_token_is_described_to_its_merchant_only(vault: VaultProcess, merchant_id: str) -> None:
    """The api names the merchant that asks; another's token is as unknown as none."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    other = ids.encode("merchant", ids.new())

    for path in ("", "/same"):
        refused(vault.ask(f"{token}{path}", other), 404, "token_not_found")
        refused(vault.ask(f"{token}{path}", ""), 400, "invalid_card_request")


def test_the_api_can_ask_for_tokens_of_the_same_card(vault: VaultProcess, merchant_id: str) -> None:
    """A merchant's other tokens of a card are listed, the newest first; another's are not."""
    first, second, third = (vault.tokenize(VISA, merchant_id)["id"] for _ in range(3))
    other = vault.tokenize("4000056655665556", merchant_id)["id"]
    vault.tokenize(VISA, ids.encode("merchant", ids.new()))

    assert vault.ask(f"{second}/same", merchant_id).json() == {"tokens": [third, first]}
    assert vault.ask(f"{other}/same", merchant_id).json() == {"tokens": []}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"number": "4242424242424241"}, "invalid_card_number"),
        ({"number": "4242"}, "invalid_card_number"),
        ({"number": "1111111111111117"}, "invalid_card_number"),
        ({"number": "abc"}, "invalid_card_number"),
        ({"exp_month": 13}, "invalid_expiry"),
        ({"exp_month": 0}, "invalid_expiry"),
        ({"exp_year": 203}, "invalid_expiry"),
        ({"exp_year": -1}, "invalid_expiry"),
        ({"exp_year": 20400}, "invalid_expiry"),
        ({"exp_year": 2020}, "card_expired"),
        ({"exp_year": 20}, "card_expired"),
        ({"cvc": "12"}, "invalid_cvc"),
        ({"cvc": "1234"}, "invalid_cvc"),
        ({"cvc": "12x"}, "invalid_cvc"),
        ({"number": 4242424242424242}, "invalid_card_request"),
        ({"name": "a" * 101}, "invalid_card_request"),
        ({VISA: 1}, "invalid_card_request"),
    ],
)
def test_a_bad_card_is_refused(
    vault: VaultProcess, merchant_id: str, fields: dict[str, object], code: str
) -> None:
    """Number, expiry, code and form are checked, and the answer quotes nothing of them."""
    body = card(VISA) | fields

    answer = vault.post("/tokens", vault.publishable_key(merchant_id), body)

    refused(answer, 400, code)
    assert VISA not in answer.text


@pytest.mark.parametrize(("given", "kept"), [(40, 2040), (2040, 2040)])
def test_a_year_is_written_as_on_the_card_or_whole(
    vault: VaultProcess, merchant_id: str, given: int, kept: int
) -> None:
    """Two digits are a year of this century, as cards have it."""
    body = card(VISA) | {"exp_year": given}

    answer = vault.post("/tokens", vault.publishable_key(merchant_id), body)

    assert done(answer, 201)["exp_year"] == kept


def test_a_year_that_is_none_is_told_what_is_expected(
    vault: VaultProcess, merchant_id: str
) -> None:
    """The answer names the field, and gives an example."""
    body = card(VISA) | {"exp_year": 203}

    answer = vault.post("/tokens", vault.publishable_key(merchant_id), body)

    assert (
        "exp_year must be the year, such as 20" in refused(answer, 400, "invalid_expiry")["detail"]
    )


def test_a_number_that_stands_twice_is_refused(vault: VaultProcess, merchant_id: str) -> None:
    """It is not guessed which of two numbers is meant, and the answer quotes neither."""
    text = json.dumps(card(VISA))[:-1] + f', "number": "{VISA}"}}'

    answer = httpx.post(
        f"{vault.url}/tokens",
        content=text.encode(),
        headers={"authorization": f"Bearer {vault.publishable_key(merchant_id)}"},
    )

    assert "stands twice" in refused(answer, 400, "invalid_card_request")["detail"]
    assert VISA not in answer.text


def test_a_compressed_card_is_refused(vault: VaultProcess, merchant_id: str) -> None:
    """The vault unpacks nothing that a caller has packed."""
    answer = httpx.post(
        f"{vault.url}/tokens",
        content=gzip.compress(json.dumps(card(VISA)).encode()),
        headers={
            "authorization": f"Bearer {vault.publishable_key(merchant_id)}",
            "content-encoding": "gzip",
        },
    )

    assert "compressed" in refused(answer, 400, "invalid_card_request")["detail"]


def test_only_publishable_keys_open_it(vault: VaultProcess, merchant_id: str) -> None:
    """A key with a wrong signature, a changed one, and other callers' keys are refused."""
    good = vault.publishable_key(merchant_id)
    other = ids.encode("merchant", ids.new()).removeprefix("mer_")
    changed = good.replace(merchant_id.removeprefix("mer_"), other)
    for key in ("pk_test_x", changed, good.replace("test", "live"), API_KEY, "pk"):
        refused(vault.post("/tokens", key, card(VISA)), 401, "vault_unauthorized")


def test_only_the_api_may_ask(vault: VaultProcess, merchant_id: str) -> None:
    """A publishable key can keep a card, and read none."""
    token = vault.tokenize(VISA, merchant_id)
    for key in (vault.publishable_key(merchant_id), "x"):
        for path in ("", "/same"):
            answer = vault.ask(f"{token['id']}{path}", merchant_id, key=key)
            refused(answer, 401, "vault_unauthorized")


def test_what_is_not_there_is_not_found(vault: VaultProcess) -> None:
    """An unknown token, a malformed one and an unknown path are not found."""
    for token in (ids.encode("payment_method", ids.new()), "pm_x", VISA, f"{VISA}/x"):
        answer = vault.ask(token, "mer_x")
        refused(answer, 404, "token_not_found")
        assert VISA not in answer.text
    refused(httpx.get(f"{vault.url}/{VISA}"), 404, "vault_route_not_found")


def test_a_browser_may_post_a_card(vault: VaultProcess, merchant_id: str) -> None:
    """A page of any origin may post and read the answer, refusals too; /forward allows none."""
    origin = {"origin": "https://shop.example"}
    asked = httpx.options(f"{vault.url}/tokens", headers=origin)
    told = vault.post("/tokens", vault.publishable_key(merchant_id), card(VISA), **origin)
    wrong = vault.post("/tokens", "pk", card(VISA), **origin)

    for answer in (asked, told, wrong):
        assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in asked.headers["access-control-allow-headers"]
    refused(httpx.options(f"{vault.url}/forward", headers=origin), 404, "vault_route_not_found")


def test_each_use_is_recorded(vault: VaultProcess, merchant_id: str) -> None:
    """Each use is recorded: who did what with a card, and for which request."""
    body, key = card(VISA), vault.publishable_key(merchant_id)
    token = vault.post("/tokens", key, body, x_request_id="from-the-till").json()
    for path in ("", "/same"):
        vault.ask(f"{token['id']}{path}", merchant_id, x_request_id="from-the-api")

    found = rows(
        vault.database_url,
        "SELECT actor, action, destination, correlation_id FROM card_uses "
        "WHERE card_id = %s ORDER BY id",
        [ids.decode("payment_method", token["id"])],
    )

    assert found == [
        ("client", "tokenize", "", "from-the-till"),
        ("api", "describe", "", "from-the-api"),
        ("api", "compare", "", "from-the-api"),
    ]


def test_a_request_id_with_a_card_number_is_not_kept(vault: VaultProcess, merchant_id: str) -> None:
    """The vault makes an id of its own, as for any other malformed one."""
    body, key = card(VISA), vault.publishable_key(merchant_id)

    answer = vault.post("/tokens", key, body, x_request_id=f"order-{VISA}")

    assert answer.status_code == 201
    assert answer.headers["x-request-id"].startswith("req_")


def test_the_form_is_a_page(vault: VaultProcess) -> None:
    """A browser gets a form that posts to the vault itself, and may load nothing else."""
    answer = httpx.get(f"{vault.url}/form")

    assert "cc-number" in answer.text
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
