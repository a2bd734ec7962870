"""Whoever may leave cards learns nothing about the cards that are there, however many are left."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import httpx
import pytest
from stdnum import luhn

from tests.support.vault import VaultProcess, card

BIN, LAST4 = "400000", "0259"
CANDIDATES = 3_000  # of the 100,000 numbers between such a beginning and end
SHOWN = {"brand": "visa", "bin": BIN, "last4": LAST4, "exp_month": 12, "exp_year": 2040}


def candidates() -> Iterator[str]:
    """The numbers that begin and end as the stolen row says, and pass the Luhn check."""
    for middle in range(1_000_000):
        number = f"{BIN}{middle:06}{LAST4}"
        if luhn.is_valid(number):
            yield number


@pytest.mark.slow
def test_guesses_are_answered_alike(vault: VaultProcess, merchant_id: str) -> None:
    """Thousands of guesses, one of them a kept card, get answers alike but for token and time."""
    numbers = [number for number, _ in zip(candidates(), range(CANDIDATES), strict=False)]
    target = Random(1).choice(numbers)
    first = vault.tokenize(target, merchant_id)

    with (
        httpx.Client(base_url=vault.url, trust_env=False) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        key = f"Bearer {vault.publishable_key(merchant_id)}"

        def leave(number: str) -> httpx.Response:
            body: Any = card(number, cvc=None)
            return client.post("/tokens", json=body, headers={"authorization": key})

        answers = list(pool.map(leave, numbers))

    assert {answer.status_code for answer in answers} == {201}
    assert len({tuple(sorted(set(answer.headers) - {"x-request-id"})) for answer in answers}) == 1
    told = [answer.json() for answer in answers]
    own = {"id", "created_at"}
    assert {tuple(one) for one in told} == {tuple(first)}
    for one in told:
        assert {name: value for name, value in one.items() if name not in own} == SHOWN
    assert len({one["id"] for one in told} | {first["id"]}) == CANDIDATES + 1
