"""POST /forward: a card number leaves the vault towards a processor, and not otherwise."""

import json

import pytest

from app.base import ids
from tests.support.client import refused
from tests.support.databases import rows
from tests.support.destination import Destination
from tests.support.processes import free_port
from tests.support.vault import VaultProcess

VISA = "4242424242424242"


def test_the_processor_gets_the_card(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """Placeholders are filled in, headers are passed on, and the answer comes back."""
    token = vault.tokenize(VISA, merchant_id, cvc="987", exp_month=3)
    body = '{"n":"{{number}}","m":{{exp_month}},"y":{{exp_year}},"c":"{{cvc}}","x":"{{name}}"}'

    answer = vault.forward(
        token["id"], merchant_id, f"{destination.url}/charge?a=1",
        body=body, headers={"authorization": "Bearer acquirer", "content-type": "a/b"},
    )  # fmt: skip

    got = destination.got[-1]
    assert json.loads(got.body) == {"n": VISA, "m": 3, "y": 2040, "c": "987", "x": "{{name}}"}
    assert got.path == "/charge?a=1"
    assert (got.headers["authorization"], got.headers["content-type"]) == ("Bearer acquirer", "a/b")
    assert answer.status_code == 200
    assert answer.json()["status"] == 200
    assert answer.json()["headers"]["content-type"] == "application/json"
    assert json.loads(answer.json()["body"]) == {"approved": True}


def test_a_code_is_used_once(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """After one use, and after a restart, there is no code; a failed connection is no use."""
    token = vault.tokenize(VISA, merchant_id, cvc="987")["id"]

    vault.forward(token, merchant_id, f"{destination.url}/", body="n={{number}}")
    refused(vault.forward(token, merchant_id, _nowhere(vault)), 400, "destination_not_allowed")
    for expected in ("987", ""):
        vault.forward(token, merchant_id, f"{destination.url}/")
        assert json.loads(destination.got[-1].body)["cvc"] == expected


def test_a_repeated_number_does_not_come_back(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A number in a processor's answer is removed from it."""
    token = vault.tokenize(VISA, merchant_id)["id"]

    answer = vault.forward(token, merchant_id, f"{destination.url}/echo")

    assert VISA in destination.got[-1].body
    assert VISA not in answer.text


def test_a_redirect_is_not_followed(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A number goes to the allowed address only."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    before = len(destination.got)

    answer = vault.forward(token, merchant_id, f"{destination.url}/elsewhere")

    assert answer.json()["status"] == 302
    assert len(destination.got) == before + 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "{url}.example.com/",
        "{url}0/",
        "http://a@127.0.0.1:1/",
        "{url}@example.com/",
        "file:///etc/passwd",
        "",
        "/charge",
        "http://",
    ],
)
def test_it_goes_to_processors_only(
    vault: VaultProcess, destination: Destination, merchant_id: str, url: str
) -> None:
    """An address that is not allowed, or only begins like an allowed one, gets nothing."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    before = len(destination.got)

    answer = vault.forward(token, merchant_id, url.replace("{url}", destination.url))

    refused(answer, 400, "destination_not_allowed")
    assert len(destination.got) == before


def test_only_processors_adapters_may_send(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A publishable key cannot forward."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    ask = {"token": token, "merchant": merchant_id, "url": destination.url, "body": "{{number}}"}

    answer = vault.post("/forward", vault.publishable_key(merchant_id), ask)

    refused(answer, 401, "vault_unauthorized")


def test_a_token_is_its_merchants_own(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """Another merchant's token is not found."""
    token = vault.tokenize(VISA, ids.encode("merchant", ids.new()))["id"]
    nobodys = ids.encode("payment_method", ids.new())
    for unknown in (token, nobodys, "pm_x"):
        answer = vault.forward(unknown, merchant_id, destination.url)
        refused(answer, 404, "token_not_found")


def test_a_refused_connection_sent_nothing(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A refused connection is `not_executed`, and the code is still there."""
    token = vault.tokenize(VISA, merchant_id, cvc="987")["id"]
    closed = f"http://127.0.0.1:{free_port()}"
    vault.stop()
    vault.start(vault_allowed_urls=f"{destination.url},{closed}")
    again = vault.tokenize(VISA, merchant_id, cvc="654")["id"]

    refused(vault.forward(again, merchant_id, closed), 502, "not_executed")

    vault.forward(again, merchant_id, destination.url)
    assert json.loads(destination.got[-1].body)["cvc"] == "654"
    vault.forward(token, merchant_id, destination.url)
    assert json.loads(destination.got[-1].body)["cvc"] == ""


@pytest.mark.parametrize("path", ["/slow", "/drop"])
def test_what_is_not_answered_is_unknown(
    vault: VaultProcess, destination: Destination, merchant_id: str, path: str
) -> None:
    """A processor that got the number and did not answer may have acted."""
    token = vault.tokenize(VISA, merchant_id)["id"]

    answer = vault.forward(token, merchant_id, f"{destination.url}{path}", timeout_ms=300)

    refused(answer, 504, "unknown")


def test_a_header_cannot_end_its_line(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A header with a line break is refused before anything is sent."""
    token = vault.tokenize(VISA, merchant_id)["id"]

    answer = vault.forward(token, merchant_id, destination.url, headers={"a": "b\r\nc: d"})

    refused(answer, 400, "invalid_card_request")


def test_each_sending_is_recorded(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """Each use is recorded with its destination and request, also without an answer."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    for path, timeout_ms in (("/a?secret=1", 10_000), ("/drop", 10_000)):
        vault.forward(token, merchant_id, f"{destination.url}{path}", timeout_ms=timeout_ms)

    found = rows(
        vault.database_url,
        "SELECT actor, destination FROM card_uses "
        "WHERE card_id = %s AND action = 'forward' ORDER BY id",
        [ids.decode("payment_method", token)],
    )

    assert found == [("processors", f"{destination.url}/{name}") for name in ("a", "drop")]


def _nowhere(vault: VaultProcess) -> str:
    return f"{vault.url}/tokens"
