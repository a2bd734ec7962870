"""Currencies that have ended: nothing new begins in them, and what there is goes on."""

from typing import Any
from uuid import UUID

import pytest

from app.base import clock, ids, money
from app.domains.ledger import MakeDeposit, OpenAccount
from app.domains.ledger import steps as ledger
from app.domains.payments import steps as payments
from app.domains.payments.commands import OpenPayment
from app.engine.database import GroupCommit, Step
from tests.support.builders import Merchant, payment
from tests.support.client import done, refused
from tests.support.engine import opened
from tests.support.payouts import bank_account, order

ENDED = "BGN"


class Old(dict[str, str]):
    """What a merchant has since a currency was money: by name, `wallet` and payments."""


async def old_money(url: str, merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> Old:
    """A wallet with 10,000, of which 3,000 are captured and 2,000 authorized."""
    merchant_id, wallet = ids.decode("merchant", merchant.id), ids.new()
    head = ("local", merchant_id, None, "req_1", None)
    taken: dict[str, UUID] = {"automatic": ids.new(), "manual": ids.new()}

    def pay(capture: str, amount: int) -> OpenPayment:
        return OpenPayment(
            *head, taken[capture], ids.new(), wallet, amount, ENDED, capture, None, {}, 0, 0
        )

    async with opened(url) as database:
        group = GroupCommit(database)

        async def run(step: Step[Any, Any], command: Any) -> None:
            receipt = await group.submit(step, "local", [command], deadline=clock.monotonic() + 60)
            assert receipt.only().status == 201

        with monkeypatch.context() as then:
            then.delitem(money.ENDED, ENDED)
            await run(ledger.open_accounts, OpenAccount(*head, wallet, ENDED))
            await run(ledger.make_deposits, MakeDeposit(*head, ids.new(), wallet, ENDED, 10_000))
            await run(payments.open_payments, pay("automatic", 3_000))
            await run(payments.open_payments, pay("manual", 2_000))
        await group.close(1)
    return Old(
        wallet=ids.encode("account", wallet),
        captured=ids.encode("payment", taken["automatic"]),
        authorized=ids.encode("payment", taken["manual"]),
    )


async def test_nothing_new_begins_in_a_currency_that_has_ended(
    merchant: Merchant, shared_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No wallet, deposit or payment, and no conversion into it; the refusal says since when."""
    old = await old_money(shared_database_url, merchant, monkeypatch)
    wallet = old["wallet"]
    deposit = {"account": wallet, "amount": 5, "currency": ENDED}
    quote = {"source_currency": "EUR", "target_currency": ENDED, "source_amount": 1_000}

    for path, body in (
        ("/v1/accounts", {"currency": ENDED}),
        ("/v1/deposits", deposit),
        ("/v1/payments", payment(wallet, 5, currency=ENDED)),
        ("/v1/fx/quotes", quote),
    ):
        problem = refused(await merchant.api.post(path, body), 409, "currency_ended")
        assert problem["facts"] == {"currency": ENDED, "ended_on": "2026-01-01"}
    assert await merchant.available(wallet) == 5_000


async def test_what_there_is_in_a_currency_that_has_ended_goes_on(
    merchant: Merchant, shared_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captures, refunds, payouts and conversions to another currency work, at the fixed rate."""
    old = await old_money(shared_database_url, merchant, monkeypatch)

    done(await merchant.api.post(f"/v1/payments/{old['authorized']}/capture", {"amount": 2_000}))
    done(await merchant.api.post("/v1/refunds", {"payment": old["captured"], "amount": 1_000}))
    to = await bank_account(merchant)
    done(await merchant.api.post("/v1/payouts", order(500, to, currency=ENDED)), 201)
    asked = {"source_currency": ENDED, "target_currency": "EUR", "source_amount": 1_000}
    quote = done(await merchant.api.post("/v1/fx/quotes", asked), 201)
    euros = await merchant.wallet("EUR")
    entries = [
        {"account": old["wallet"], "direction": "debit", "amount": 1_000},
        {"account": euros, "direction": "credit", "amount": quote["target_amount"]},
    ]
    done(await merchant.api.post("/v1/transfers", {"fx_quote": quote["id"], "entries": entries}))

    assert await merchant.available(old["wallet"]) == 5_000
    assert 500 <= quote["target_amount"] <= 511  # 10.00 at 1.95583, less the spread


async def test_the_guilder_of_the_caribbean_is_money(merchant: Merchant) -> None:
    """XCG replaces ANG since March 2025; it has two decimals."""
    wallet = await merchant.wallet("XCG", 1_000)

    assert await merchant.available(wallet) == 1_000
