"""Cards over the wire: authorized, captured, reversed, refunded, once under each reference."""

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.acquirer import AcquirerProcess, authorization
from tests.support.tables import Row, table


def test_a_captured_card_keeps_count(acquirer: AcquirerProcess, name: str) -> None:
    """An authorization shows what of it was captured, refunded and released."""
    acquirer.authorize(f"pay_{name}", 1000)
    acquirer.capture(f"pay_{name}", f"cap_{name}_1", 300)
    acquirer.capture(f"pay_{name}", f"cap_{name}_2", 500, final=True)
    acquirer.refund(f"pay_{name}", f"re_{name}", 200)

    held = acquirer.authorization(f"pay_{name}")

    assert held["status"] == "approved"
    assert (held["amount"], held["captured_amount"], held["refunded_amount"]) == (1000, 800, 200)
    assert held["voided_amount"] == 200
    assert (held["brand"], held["last4"]) == ("visa", "4242")


def test_a_card_is_captured_at_once(acquirer: AcquirerProcess, name: str) -> None:
    """With `capture` all of it is captured with the approval."""
    held = acquirer.authorize(f"pay_{name}", 1000, capture=True)

    assert held["captured_amount"] == 1000
    assert acquirer.capture(f"pay_{name}", f"cap_{name}", 1)["decline_code"] == (
        "exceeds_authorization"
    )


@table("""
    number               status           code                brand
    4242424242424242     approved         -                   visa
    5555555555554444     approved         -                   mastercard
    378282246310005      approved         -                   amex
    6011111111111117     approved         -                   discover
    6011364502062370230  approved         -                   discover
    3531137625674412847  approved         -                   jcb
    6062826786276634     approved         -                   hipercard
    4000000000000002     declined         generic_decline     visa
    4000000000009995     declined         insufficient_funds  visa
    4000000000000119     declined         processing_error    visa
    4000000000000069     declined         expired_card        visa
    4000000000000127     declined         incorrect_cvc       visa
    4100000000000019     declined         fraudulent          visa
    4000000000003220     requires_action  -                   visa
    4000000000000259     approved         -                   visa
    4242424242424241     declined         incorrect_number    visa
    1234                 declined         incorrect_number    unknown
""")
def test_a_test_card_does_what_is_documented(
    row: Row, acquirer: AcquirerProcess, name: str
) -> None:
    """A card's number decides its behavior."""
    held = acquirer.authorize(f"pay_{name}", 1000, number=str(row.number))

    assert (held["status"], held.get("decline_code"), held["brand"]) == (
        row.status,
        row.code,
        row.brand,
    )


def test_a_card_of_the_past_is_declined(acquirer: AcquirerProcess, name: str) -> None:
    """A card whose month is over is declined."""
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2020}

    assert acquirer.authorize(f"pay_{name}", 1, card=card)["decline_code"] == "expired_card"


def test_a_repeated_request_acts_once(acquirer: AcquirerProcess, name: str) -> None:
    """Every kind of request may be sent again, and gets the first answer."""
    first = acquirer.authorize(f"pay_{name}", 1000)
    capture = acquirer.capture(f"pay_{name}", f"cap_{name}", 400)
    refund = acquirer.refund(f"pay_{name}", f"re_{name}", 100)
    reversal = acquirer.reverse(f"pay_{name}", f"rev_{name}")

    assert acquirer.authorize(f"pay_{name}", 1000)["id"] == first["id"]
    assert acquirer.capture(f"pay_{name}", f"cap_{name}", 400) == capture
    assert acquirer.refund(f"pay_{name}", f"re_{name}", 100) == refund
    assert acquirer.reverse(f"pay_{name}", f"rev_{name}") == reversal
    held = acquirer.authorization(f"pay_{name}")
    assert (held["captured_amount"], held["refunded_amount"]) == (400, 100)
    assert held["voided_amount"] == 600


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 1001},
        {"currency": "USD"},
        {"capture": True},
        {"merchant": "mer_of_somebody_else"},
        {"number": "5555555555554444"},
    ],
    ids=str,
)
def test_a_reference_names_one_request(
    other: dict[str, Any], acquirer: AcquirerProcess, name: str
) -> None:
    """Another request under a used reference is refused and changes nothing."""
    before = acquirer.authorize(f"pay_{name}", 1000)
    changed = authorization(f"pay_{name}", 1000, **other)

    answer = acquirer.client.post("/v1/authorizations", json=changed)

    assert (answer.status_code, answer.json()["code"]) == (409, "reference_reused")
    assert acquirer.authorization(f"pay_{name}") == before


def test_one_of_many_at_once_acts(acquirer: AcquirerProcess, name: str) -> None:
    """Requests that race under one reference get one and the same answer."""
    with ThreadPoolExecutor(16) as pool:
        held = list(
            pool.map(lambda _: acquirer.authorize(f"pay_{name}", 1000, capture=True), range(64))
        )
        refunds = list(
            pool.map(lambda n: acquirer.refund(f"pay_{name}", f"re_{name}_{n % 4}", 300), range(64))
        )

    assert len({one["id"] for one in held}) == 1
    assert len({one["id"] for one in refunds}) == 4
    assert len({one["id"] for one in refunds if one["status"] == "approved"}) == 3
    assert acquirer.authorization(f"pay_{name}")["refunded_amount"] == 900


def test_a_reversal_may_be_faster_than_its_authorization(
    acquirer: AcquirerProcess, name: str
) -> None:
    """An authorization that arrives after its reversal is voided, and takes no money."""
    acquirer.reverse(f"pay_{name}", f"rev_{name}")

    missing = acquirer.client.get(f"/v1/authorizations/pay_{name}")
    late = acquirer.authorize(f"pay_{name}", 1000, capture=True)

    assert missing.status_code == 404
    assert (late["status"], late["captured_amount"]) == ("voided", 0)
    assert acquirer.capture(f"pay_{name}", f"cap_{name}", 1)["status"] == "declined"


def test_an_undone_payment_gives_back_what_it_captured(
    acquirer: AcquirerProcess, name: str
) -> None:
    """A reversal with `refund_captured` refunds what was captured at once."""
    acquirer.authorize(f"pay_{name}", 1000, capture=True)

    acquirer.reverse(f"pay_{name}", f"rev_{name}", refund_captured=True)

    held = acquirer.authorization(f"pay_{name}")
    assert (held["status"], held["captured_amount"], held["refunded_amount"]) == (
        "voided",
        1000,
        1000,
    )


@pytest.mark.parametrize(("approve", "status"), [(True, "approved"), (False, "declined")])
def test_a_payer_decides_on_a_page(
    approve: bool, status: str, acquirer: AcquirerProcess, name: str
) -> None:
    """A 3-D Secure page shows the payment, takes the first answer, and keeps it."""
    held = acquirer.authorize(f"pay_{name}", 123456, number="4000000000003220", capture=True)

    page = acquirer.client.get(held["action_url"], headers={"authorization": ""})
    acquirer.answer_challenge(held["action_url"], approve=approve)
    acquirer.answer_challenge(held["action_url"], approve=not approve)

    assert "1234.56 EUR" in page.text
    assert "4242" not in page.text
    after = acquirer.authorization(f"pay_{name}")
    assert after["status"] == status
    assert after["captured_amount"] == (123456 if approve else 0)
    assert "action_url" not in after


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": 0}, "invalid_request"),
        ({"amount": 1.5}, "invalid_request"),
        ({"currency": "EUX"}, "unknown_currency"),
        ({"reference": "a/b"}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
    ],
    ids=str,
)
def test_a_malformed_request_is_refused(
    body: dict[str, Any], code: str, acquirer: AcquirerProcess, name: str
) -> None:
    """A malformed request gets a 400, and its reference stays free."""
    answer = acquirer.client.post(
        "/v1/authorizations", json=authorization(f"pay_{name}", 1, **body)
    )

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert acquirer.client.get(f"/v1/authorizations/pay_{name}").status_code == 404


@pytest.mark.parametrize("path", ["/v1/records?kind=refunds", "/sandbox/clock"])
def test_a_wrong_key_is_refused(path: str, acquirer: AcquirerProcess) -> None:
    """A wrong key gets a 401, on both sides of the sandbox."""
    answer = acquirer.client.get(path, headers={"authorization": "Bearer another"})

    assert answer.status_code == 401


def test_a_card_number_is_kept_nowhere(acquirer: AcquirerProcess, name: str) -> None:
    """Neither the file nor the log contains a number of any request."""
    number = "4917610000000000003"
    acquirer.authorize(f"pay_{name}", 1000, number=number)
    acquirer.client.post("/v1/authorizations", json=authorization(f"x{name}", 0, number=number))
    with socket.create_connection(("127.0.0.1", acquirer.port)) as connection:
        connection.sendall(f"POST {number} no-http {number}\r\n{number}\r\n\r\n".encode())
        connection.recv(1024)

    folder = acquirer.log_path.parent
    kept = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())

    assert f"pay_{name}".encode() in kept
    assert number.encode() not in kept
