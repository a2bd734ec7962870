"""What HTTP/1.1 asks of a server: one Host, and no word to go on before the caller is known."""

import json

import pytest

from tests.support.builders import Merchant
from tests.support.client import Api
from tests.support.rails import Rails
from tests.support.tables import Row, table
from tests.support.vault import PROCESSOR_KEY, VaultProcess
from tests.support.wire import say, statuses

GOOD = "Host: example.com"


@table("""
    version  hosts                 status
    1.1      example.com              200
    1.1      example.com:8000         200
    1.1      [::1]:8000               200
    1.1      -                        400
    1.1      example.com,example.com  400
    1.0      -                        200
    1.0      a,b                      400
""")
def test_a_request_has_one_host(api: Api, vault: VaultProcess, rails: Rails, row: Row) -> None:
    """HTTP/1.1 without it, or with two, is refused by every process that serves."""
    hosts = [f"Host: {host}" for host in row.hosts.split(",")] if row.hosts else []

    for url in (api.url, vault.url, rails.acquirer.url):
        heard = say(url, f"GET /healthz HTTP/{row.version}", *hosts)

        assert heard.split(b" ", 2)[1] == str(row.status).encode(), (url, heard)


@pytest.mark.parametrize("host", ["a/b", "user@a", "a b", "a:port", "::1", ""])
def test_a_host_is_a_name_or_an_address(api: Api, host: str) -> None:
    """Whatever else stands there is refused by name."""
    heard = say(api.url, "GET /healthz HTTP/1.1", f"Host: {host}")

    assert statuses(heard) == [400]
    assert b'"code":"invalid_host"' in heard


POSTS = {"api": "/v1/payments", "vault": "/forward", "acquirer": "/v1/authorizations"}


@pytest.mark.parametrize("key", [None, "Bearer wrong"])
@pytest.mark.parametrize("process", POSTS)
def test_an_unknown_caller_is_not_told_to_go_on(
    api: Api, vault: VaultProcess, rails: Rails, process: str, key: str | None
) -> None:
    """With `Expect: 100-continue` the answer is 401 at once; no body is asked for."""
    url = {"api": api.url, "vault": vault.url, "acquirer": rails.acquirer.url}[process]
    head = [f"POST {POSTS[process]} HTTP/1.1", GOOD, "Content-Length: 1000", "Expect: 100-continue"]
    head += [f"Authorization: {key}"] if key else []

    heard = say(url, *head)

    assert statuses(heard) == [401], heard


def test_a_known_caller_is_told_to_go_on(merchant: Merchant) -> None:
    """A caller with a key hears 100, and then the answer."""
    body = json.dumps({"currency": "EUR"}).encode()

    heard = say(
        merchant.api.url,
        "POST /v1/accounts HTTP/1.1",
        *(GOOD, f"Content-Length: {len(body)}", "Expect: 100-continue", "Idempotency-Key: k"),
        *("Content-Type: application/json", f"Authorization: Bearer {merchant.api.secret}"),
        body=body,
    )

    assert statuses(heard) == [100, 201], heard


def test_the_vault_and_the_acquirer_tell_a_known_caller_too(
    vault: VaultProcess, rails: Rails
) -> None:
    """Whatever is wrong with the body is said after it was asked for."""
    for url, path, key in (
        (vault.url, "/forward", PROCESSOR_KEY),
        (rails.acquirer.url, "/v1/authorizations", rails.acquirer.key),
    ):
        heard = say(
            url,
            f"POST {path} HTTP/1.1",
            *(GOOD, "Content-Length: 2", "Expect: 100-continue", f"Authorization: Bearer {key}"),
            body=b"{}",
        )

        assert statuses(heard) == [100, 400], heard
