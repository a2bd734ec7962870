"""The requests of a load, and what their answers mean."""

import json
from collections import Counter
from typing import Any

import pytest

from app.devkit.bench import BenchShop, Endpoint
from app.devkit.bench.client import body_of
from app.devkit.bench.traffic import BulkPayments, PaymentCounts, SinglePayments
from tests.bench.server import answer

_ENDPOINT = Endpoint("http://127.0.0.1:8000")
_HOT = BenchShop("sk_hot", ("acct_h1", "acct_h2"))
_COLD = BenchShop("sk_cold", ("acct_c1", "acct_c2", "acct_c3"))
_CREATED = {"status": 201, "payment": {"id": "pay_1", "status": "captured"}}
_AUTHORIZED = {"status": 201, "payment": {"id": "pay_1", "status": "authorized"}}
_NO_FUNDS = {"status": 402, "problem": {"type": "t", "status": 402}}
_CONFLICT = {"status": 409, "problem": {"type": "t", "status": 409}}
_INVALID = {"status": 400, "problem": {"type": "t", "status": 400}}


def _bearer(request: bytes) -> str:
    head = request.decode().partition("\r\n\r\n")[0]
    [line] = [line for line in head.split("\r\n") if line.startswith("Authorization")]
    return line.removeprefix("Authorization: Bearer ")


def _declared_length(request: bytes) -> int:
    head = request.decode().partition("\r\n\r\n")[0]
    [line] = [line for line in head.split("\r\n") if line.startswith("Content-Length")]
    return int(line.partition(": ")[2])


def test_a_single_request_is_a_payment_of_the_api() -> None:
    """Its body is the documented shape and as long as it says."""
    traffic = SinglePayments(_ENDPOINT, [_HOT], hot_share=0.0, seed=1)

    request = traffic.next_request()

    body = json.loads(body_of(request))
    assert request.startswith(b"POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n")
    assert _declared_length(request) == len(body_of(request))
    assert 100 <= body.pop("amount") <= 999
    account = body["payment_method"].pop("account")
    assert account in _HOT.wallets
    assert body == {"currency": "USD", "payment_method": {"type": "wallet"}, "capture": "automatic"}


def test_a_bulk_request_is_many_payments_with_their_own_keys() -> None:
    """Its items are the documented shape, and it is as long as it says."""
    traffic = BulkPayments(_ENDPOINT, [_COLD], hot_share=0.0, seed=1, size=50)

    request = traffic.next_request()

    items: list[dict[str, Any]] = json.loads(body_of(request))
    assert _declared_length(request) == len(body_of(request))
    assert len({item["idempotency_key"] for item in items}) == len(items) == 50
    assert {item["payment_method"]["account"] for item in items} == set(_COLD.wallets)


def test_the_seed_repeats_the_choices_but_never_the_keys() -> None:
    """Two runs send the same payments, and the second is no replay of the first."""
    first, second = (
        SinglePayments(_ENDPOINT, [_HOT, _COLD], hot_share=0.3, seed=7) for _ in range(2)
    )

    ones, others = ([run.next_request() for _ in range(50)] for run in (first, second))

    assert [body_of(one) for one in ones] == [body_of(other) for other in others]
    assert not set(ones) & set(others)


@pytest.mark.parametrize(("hot_share", "hot"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_the_hot_share_goes_to_the_first_merchant(hot_share: float, hot: float) -> None:
    """The hot merchant gets its share, and its part of the uniform rest."""
    traffic = SinglePayments(_ENDPOINT, [_HOT, _COLD], hot_share=hot_share, seed=3)

    paid = Counter(_bearer(traffic.next_request()) for _ in range(4_000))

    assert paid["sk_hot"] / paid.total() == pytest.approx(hot, abs=0.03)


@pytest.mark.parametrize(
    ("status", "body", "counts"),
    [
        (201, b'{"id":"pay_1","status":"captured"}', PaymentCounts(1, 0, 0)),
        (201, b'{"id":"pay_1","status":"authorized"}', PaymentCounts(0, 0, 1)),
        (202, b'{"id":"pay_1","status":"processing"}', PaymentCounts(0, 0, 1)),
        (402, b"{}", PaymentCounts(0, 1, 0)),
        (409, b"{}", PaymentCounts(0, 1, 0)),
        (400, b"{}", PaymentCounts(0, 0, 1)),
        (503, b"", PaymentCounts(0, 0, 1)),
    ],
)
def test_only_a_captured_payment_is_settled(
    status: int, body: bytes, counts: PaymentCounts
) -> None:
    """Accepted is not settled, a refusal by a rule is refused, everything else is an error."""
    traffic = SinglePayments(_ENDPOINT, [_HOT], hot_share=0.0, seed=1)

    assert traffic.judge(status, answer(status, body)) == counts


@pytest.mark.parametrize(
    ("status", "items", "counts"),
    [
        (200, [_CREATED, _CREATED, _CREATED], PaymentCounts(3, 0, 0)),
        (200, [_CREATED, _NO_FUNDS, _CREATED], PaymentCounts(2, 1, 0)),
        (200, [_INVALID, _CONFLICT, _CREATED], PaymentCounts(1, 1, 1)),
        (200, [_CREATED, _AUTHORIZED, _CREATED], PaymentCounts(2, 0, 1)),
        (200, [_CREATED, _CREATED], PaymentCounts(2, 0, 1)),
        (503, [], PaymentCounts(0, 0, 3)),
        (402, [], PaymentCounts(0, 3, 0)),
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
def test_bulk_counts_by_item(
    status: int, items: list[object], counts: PaymentCounts, separators: tuple[str, str]
) -> None:
    """Each item has its own counts, and one that is missing is an error."""
    traffic = BulkPayments(_ENDPOINT, [_HOT], hot_share=0.0, seed=1, size=3)
    body = json.dumps({"data": items}, separators=separators).encode()

    assert traffic.judge(status, answer(status, body)) == counts
