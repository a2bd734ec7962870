"""Test and live never meet: neither cards nor processors of the one serve the other."""

from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import refused
from tests.support.payouts import bank_account, order
from tests.support.rails import Rails
from tests.support.vault import VaultProcess, card

VISA = "4242424242424242"


@pytest_asyncio.fixture
async def live(new_merchant: NewMerchant) -> Merchant:
    """A merchant whose money is real, beside processors that are for tests."""
    return await new_merchant(mode="live")


async def test_a_live_card_reaches_no_test_processor(rails: Rails, live: Merchant) -> None:
    """No processor is asked, and the refusal says why; the card stays where it is."""
    key = rails.vault.publishable_key(live.id, "live")
    token = rails.vault.post("/tokens", key, card(VISA)).json()["id"]
    body = {
        "amount": 1_000,
        "currency": "EUR",
        "payment_method": {"type": "card", "id": token},
    }

    problem = refused(await live.api.post("/v1/payments", body), 409, "mode_not_processable")

    assert "card of live merchants" in problem["detail"]
    assert await live.api.all("/v1/payments") == []


@pytest.mark.parametrize("method", ["bank_transfer"])
async def test_a_live_transfer_is_expected_by_no_test_bank(live: Merchant, method: str) -> None:
    """Nothing tells a payer to send real money to a bank of the sandbox."""
    body: dict[str, Any] = {
        "amount": 1_000,
        "currency": "EUR",
        "payment_method": {"type": method},
    }

    refused(await live.api.post("/v1/payments", body), 409, "mode_not_processable")


async def test_no_test_bank_pays_out_live_money(live: Merchant) -> None:
    """The order is refused before its money leaves what is available."""
    to = await bank_account(live)

    refused(await live.api.post("/v1/payouts", order(500, to)), 409, "no_bank_of_mode")


def test_the_vault_itself_keeps_them_apart(vault: VaultProcess, merchant: Merchant) -> None:
    """Whatever an adapter asks, a card left under a live key goes to no test processor."""
    key = vault.publishable_key(merchant.id, "live")
    token = vault.post("/tokens", key, card(VISA)).json()["id"]

    answer = vault.forward(token, merchant.id)

    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_mode")
