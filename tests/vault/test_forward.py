"""POST /forward: a card number leaves the vault in the vault's own requests, and not otherwise."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from app.base import ids
from tests.support.client import refused
from tests.support.databases import Server, rows
from tests.support.destination import KEY, Destination
from tests.support.processes import free_port
from tests.support.tables import Row, table
from tests.support.vault import PROCESSOR_KEY, VaultProcess, authorization

VISA = "4000056655665556"
STRIPE: dict[str, Any] = {
    "processor": "stripe", "operation": "create_payment_method", "fields": {},
}  # fmt: skip


def test_the_acquirer_gets_the_card(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """The request is the vault's own but for the values, and the acquirer's answer comes back."""
    token = vault.tokenize(VISA, merchant_id, cvc="987", exp_month=3)
    fields = authorization(capture=True, sandbox_fault="decline:stolen_card")

    answer = vault.forward(token["id"], merchant_id, fields=fields)

    got = destination.got[-1]
    card = {"number": VISA, "exp_month": 3, "exp_year": 2040, "cvc": "987"}
    fault = fields.pop("sandbox_fault")
    assert json.loads(got.body) == fields | {"merchant": merchant_id, "card": card}
    assert got.path == "/v1/authorizations"
    assert got.headers["authorization"] == f"Bearer {KEY}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["sandbox-fault"] == fault
    assert got.headers["x-request-id"] == answer.headers["x-request-id"]
    assert answer.json() == {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": '{"approved": true}',
    }


def test_stripe_gets_the_card(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A payment method has no fields, and the security code only where there is one."""
    token = vault.tokenize(VISA, merchant_id, cvc="987")["id"]
    expected = {
        "type": "card", "card[number]": VISA, "card[exp_month]": "12", "card[exp_year]": "2040",
    }  # fmt: skip
    for code in ({"card[cvc]": "987"}, {}):
        assert vault.forward(token, merchant_id, **STRIPE).status_code == 200

        got = destination.got[-1]
        assert got.path == "/v1/payment_methods"
        assert dict(parse_qsl(got.body)) == expected | code
        assert got.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "ask",
    [
        {"body": "x{{number}}"},
        {"url": "http://127.0.0.1:1/"},
        {"path": "/v1/authorizations"},
        {"headers": {"a": "{{number}}"}},
        {"method": "PUT"},
        {"fields": {}},
        {"fields": "{{number}}"},
        {"fields": authorization(reference="x{{number}}")},
        {"fields": authorization(reference="pay_{{number}}")},
        {"fields": authorization(reference=f"{ids.encode('payment', ids.new())}\n")},
        {"fields": authorization(reference=ids.encode("capture", ids.new()))},
        {"fields": authorization(amount=0)},
        {"fields": authorization(amount=-1)},
        {"fields": authorization(amount=2**53)},
        {"fields": authorization(amount="1")},
        {"fields": authorization(currency="eur")},
        {"fields": authorization(currency="{{number}}")},
        {"fields": authorization(capture="{{number}}")},
        {"fields": authorization(sandbox_fault="a\r\nb: c")},
        {"fields": authorization(sandbox_fault="{{number}}")},
        {"fields": authorization(merchant="{{number}}")},
        {"fields": authorization(metadata={"note": "{{number}}"})},
        {"timeout_ms": 0},
        {"timeout_ms": 10**9},
        STRIPE | {"fields": {"metadata": "{{number}}"}},
        STRIPE | {"fields": {"type": "card"}},
    ],
)
def test_nothing_but_values_of_fields_is_taken(
    vault: VaultProcess, destination: Destination, merchant_id: str, ask: dict[str, Any]
) -> None:
    """No caller says where a card goes or what stands around it; nothing is sent."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    before = len(destination.got)

    answer = vault.forward(token, merchant_id, **ask)

    refused(answer, 400, "invalid_card_request")
    assert len(destination.got) == before
    assert VISA not in answer.text


@table("""
    processor  operation
    acquirer   create_payment_method
    acquirer   captures
    acquirer   ../authorize
    stripe     authorize
    elsewhere  authorize
""")
def test_only_listed_operations_are_sent(
    row: Row, vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """An operation that is not this processor's has no template, and nothing is sent."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    before = len(destination.got)

    answer = vault.forward(token, merchant_id, processor=row.processor, operation=row.operation)

    refused(answer, 400, "operation_unknown")
    assert len(destination.got) == before


def test_a_code_is_used_once(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """After one use there is no code, and a request that is refused is no use."""
    token = vault.tokenize(VISA, merchant_id, cvc="987")["id"]

    refused(vault.forward(token, merchant_id, fields={}), 400, "invalid_card_request")
    for expected in ("987", None):
        vault.forward(token, merchant_id)
        assert json.loads(destination.got[-1].body)["card"]["cvc"] == expected


@pytest.mark.parametrize("more", [{}, STRIPE], ids=["acquirer", "stripe"])
def test_a_repeated_number_does_not_come_back(
    vault: VaultProcess, destination: Destination, merchant_id: str, more: dict[str, Any]
) -> None:
    """A number that a processor repeats as it got it is taken out of the answer."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    destination.how = "echo"

    answer = vault.forward(token, merchant_id, **more)

    assert VISA in destination.got[-1].body
    assert answer.status_code == 200
    assert "[card number removed]" in answer.json()["body"]
    assert VISA not in answer.text


SPELLINGS = {
    "whole": VISA,
    "in a word": f"x{VISA}",
    "in digits": f"9{VISA}9",
    "groups": "4000-0566-5566-5556",
    "dots": ".".join(VISA),
    "list": json.dumps(list(VISA)),
    "fullwidth": VISA.translate({ord(str(n)): 0xFF10 + n for n in range(10)}),
    "arabic": VISA.translate({ord(str(n)): 0x660 + n for n in range(10)}),
    "backwards": VISA[::-1],
    "escapes": "".join(f"\\u{ord(digit):04x}" for digit in VISA),
    "percent": "".join(f"%{ord(digit):02x}" for digit in VISA),
    "entities": "".join(f"&#{ord(digit)};" for digit in VISA),
    "hex entities": "".join(f"&#x{ord(digit):x};" for digit in VISA),
    "quoted-printable": "".join(f"={ord(digit):02X}" for digit in VISA),
    "hex": VISA.encode().hex(),
    "hex pairs": VISA.encode().hex(" "),
    "as a number": f"{int(VISA):x}",
    "octal": f"{int(VISA):o}",
    "float": f"{float(VISA):.15e}",
    "base32": base64.b32encode(f"ab{VISA}c".encode()).decode(),
    **{f"base64 {n}": base64.b64encode(b"x" * n + VISA.encode()).decode() for n in range(3)},
    "urlsafe": base64.urlsafe_b64encode(f"??>{VISA}".encode()).decode(),
    "base64 in base64": base64.b64encode(base64.b64encode(VISA.encode())).decode(),
    "base64 in percent": base64.b64encode(VISA.encode()).decode().replace("=", "%3d"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("around", ["", '{{"status": "approved", "echo": "{}"}}'])
def test_no_spelling_of_the_number_comes_back(
    vault: VaultProcess, destination: Destination, merchant_id: str, spelling: str, around: str
) -> None:
    """A number in digits is removed, and an answer that hides it otherwise is withheld."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    destination.how = around.format(spelling) if around else spelling

    answer = vault.forward(token, merchant_id)

    assert spelling not in answer.text
    assert json.dumps(spelling)[1:-1] not in answer.text
    if answer.status_code != 200:
        refused(answer, 504, "unknown")


def test_other_answers_come_back_whole(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """Ids, amounts, the digits that may be shown, and text of any script are no number."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    destination.how = json.dumps({
        "id": "au_01j9x6f9k2e6s8v3b7d5m4n1qz", "reference": ids.encode("payment", ids.new()),
        "amount": 400005, "bin": "400005", "last4": "5556", "note": "卡 ✓ 100% =3D &amp; \\u0041",
        "secret": base64.b64encode(bytes(range(90))).decode(), "hash": "ab" * 32,
    })  # fmt: skip

    answer = vault.forward(token, merchant_id)

    assert answer.json()["body"] == destination.how


def test_a_redirect_is_not_followed(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A number goes to the configured address only."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    before, destination.how = len(destination.got), "elsewhere"

    answer = vault.forward(token, merchant_id)

    assert answer.json()["status"] == 302
    assert len(destination.got) == before + 1


def test_only_processors_adapters_may_send(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A publishable key cannot forward."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    before = len(destination.got)
    ask = {"token": token, "merchant": merchant_id, "fields": authorization()}

    answer = vault.post(
        "/forward", vault.publishable_key(merchant_id),
        ask | {"processor": "acquirer", "operation": "authorize"},
    )  # fmt: skip

    refused(answer, 401, "vault_unauthorized")
    assert len(destination.got) == before


def test_a_token_is_its_merchants_own(vault: VaultProcess, merchant_id: str) -> None:
    """Another merchant's token is not found."""
    token = vault.tokenize(VISA, ids.encode("merchant", ids.new()))["id"]
    nobodys = ids.encode("payment_method", ids.new())
    for unknown in (token, nobodys, "pm_x"):
        refused(vault.forward(unknown, merchant_id), 404, "token_not_found")


def test_a_refused_connection_sent_nothing(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """A refused connection is `not_executed`, and the code is still there."""
    vault.restart(vault_acquirer_url=f"http://127.0.0.1:{free_port()}")
    try:
        token = vault.tokenize(VISA, merchant_id, cvc="654")["id"]

        refused(vault.forward(token, merchant_id), 502, "not_executed")

        vault.forward(token, merchant_id, **STRIPE)
        assert "card%5Bcvc%5D=654" in destination.got[-1].body
    finally:
        vault.restart(**destination.settings_of_vault)


def test_a_processor_that_is_not_configured_gets_nothing(
    server: Server, tmp_path: Path, merchant_id: str
) -> None:
    """Without an address or a key of a processor no number goes there."""
    told = {"vault_acquirer_url": "http://127.0.0.1:1"}
    with VaultProcess(server.new_vault_database(), tmp_path, **told) as alone:
        alone.start()
        token = alone.tokenize(VISA, merchant_id)["id"]
        for more in ({}, STRIPE):
            answer = alone.forward(token, merchant_id, **more)
            refused(answer, 400, "processor_not_configured")
        alone.stop()


def test_production_sends_no_number_without_tls(server: Server, tmp_path: Path) -> None:
    """A vault whose processor is reached in plain text does not start where money is real."""
    told = {"vault_acquirer_url": "http://acquirer.test", "vault_acquirer_key": KEY}
    with VaultProcess(server.new_vault_database(), tmp_path, **told) as alone:
        alone.spawn(environment="production")

        assert alone.wait() == 1
        assert "without TLS" in alone.log()


@pytest.mark.parametrize("how", ["slow", "drop", "x" * 200_000])
def test_what_is_not_answered_is_unknown(
    vault: VaultProcess, destination: Destination, merchant_id: str, how: str
) -> None:
    """A processor that got the number and did not answer, or too much, may have acted."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    destination.how = how
    patience_ms = 300 if how == "slow" else 10_000

    answer = vault.forward(token, merchant_id, timeout_ms=patience_ms)

    refused(answer, 504, "unknown")


def test_each_sending_is_recorded(
    vault: VaultProcess, destination: Destination, merchant_id: str
) -> None:
    """Each use is recorded with its destination and request, also without an answer."""
    token = vault.tokenize(VISA, merchant_id)["id"]
    vault.forward(token, merchant_id)
    destination.how = "drop"
    vault.forward(token, merchant_id, **STRIPE)

    found = rows(
        vault.database_url,
        "SELECT actor, destination FROM card_uses "
        "WHERE card_id = %s AND action = 'forward' ORDER BY id",
        [ids.decode("payment_method", token)],
    )

    paths = ("/v1/authorizations", "/v1/payment_methods")
    assert found == [("processors", f"{destination.url}{path}") for path in paths]


def test_the_key_of_adapters_opens_nothing_else(vault: VaultProcess, merchant_id: str) -> None:
    """Whoever may send cards may neither leave nor describe any."""
    token = vault.tokenize(VISA, merchant_id)["id"]

    refused(vault.post("/tokens", PROCESSOR_KEY, {}), 401, "vault_unauthorized")
    refused(vault.ask(token, merchant_id, key=PROCESSOR_KEY), 401, "vault_unauthorized")
