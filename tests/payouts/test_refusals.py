"""Orders that a bank refuses for what they say."""

import asyncio

from app.base import ids
from app.domains.payouts.admin import NotPaid, pay_after_all
from app.processes.flows import open_world
from tests.support.builders import Merchant
from tests.support.databases import rows
from tests.support.engine import opened
from tests.support.payouts import (
    FUNDS,
    IBAN,
    PATIENCE_S,
    assert_at_rest,
    bank_account,
    becomes,
    pay_out,
    story,
)
from tests.support.rails import Rails
from tests.support.tables import Row, table


@table("""
    before          ends
    -               failed
    500_before      in_transit  -- it may still be on its way, so it is given again
    timeout_before  in_transit
    drop_before     in_transit
""")
async def test_the_bank_does_not_take_it(
    stall: Merchant, bank: Rails, shared_database_url: str, row: Row
) -> None:
    """An order that the bank refuses is available again, where none was given before."""
    if row.before:
        bank.acquirer.fail_next(row.before, operation="payout")
    bank.acquirer.fail_next("refuse:not_in_this_country", operation="payout")

    made = await pay_out(stall, 40_000, await bank_account(stall))

    ended = await becomes(stall, made["id"], row.ends)
    assert await story(stall, made["id"]) == ["created", row.ends]
    if row.ends == "failed":
        assert ended["failure_code"] == "not_in_this_country"
        assert bank.acquirer.records("payouts", merchant=stall.id) == []
        await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


async def test_a_bank_that_pays_what_it_refused_is_told_of(
    stall: Merchant, bank: Rails, shared_database_url: str
) -> None:
    """Money that may leave twice is nothing to be silent about: who follows the bell says it."""
    bank.acquirer.fail_next("refuse:not_in_this_country", operation="payout")
    made = await pay_out(stall, 40_000, await bank_account(stall))
    await becomes(stall, made["id"], "failed")

    bank.acquirer.ask(
        "POST",
        "/v1/payouts",
        {
            "reference": made["id"],
            "merchant": stall.id,
            "amount": 40_000,
            "currency": "EUR",
            "iban": IBAN,
            "name": "Ada Obi",
        },
    )
    bank.acquirer.settle_payout(made["id"])

    noted = "SELECT note FROM sagas WHERE merchant_id = %s AND name = 'notification'"
    async with asyncio.timeout(PATIENCE_S):
        while ("it is failed here and approved there",) not in rows(
            shared_database_url, noted, [ids.decode("merchant", stall.id)]
        ):
            await asyncio.sleep(0.05)
    await end_as_paid(shared_database_url, bank, made["id"])
    await becomes(stall, made["id"], "paid")


async def end_as_paid(url: str, bank: Rails, payout: str) -> None:
    """What an operator does once the flow waits for people: the money has left after all."""
    async with opened(url, **bank.settings) as database, open_world(database) as world:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await pay_after_all(world, ids.decode("payout", payout))
                except NotPaid:
                    await asyncio.sleep(0.05)
                else:
                    return
