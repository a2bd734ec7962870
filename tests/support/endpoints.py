"""Every endpoint that writes under an Idempotency-Key, each with a request that will succeed.

For tests of what all of them have in common.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias

from tests.support import payouts
from tests.support.builders import Merchant, payment


class Ready(NamedTuple):
    """A request that will succeed."""

    path: str
    body: dict[str, Any]
    status: int


Prepare: TypeAlias = Callable[[Merchant], Awaitable[Ready]]


async def _payment(merchant: Merchant) -> Ready:
    return Ready("/v1/payments", payment(await merchant.wallet(funds=5_000)), 201)


async def _capture(merchant: Merchant) -> Ready:
    held = await merchant.authorize(await merchant.wallet(funds=5_000))
    return Ready(f"/v1/payments/{held['id']}/capture", {"amount": 300}, 200)


async def _cancel(merchant: Merchant) -> Ready:
    held = await merchant.authorize(await merchant.wallet(funds=5_000))
    return Ready(f"/v1/payments/{held['id']}/cancel", {}, 200)


async def _refund(merchant: Merchant) -> Ready:
    paid = await merchant.pay(await merchant.wallet(funds=5_000))
    return Ready("/v1/refunds", {"payment": paid["id"], "amount": 60}, 201)


async def _account(_: Merchant) -> Ready:
    return Ready("/v1/accounts", {"currency": "USD", "customer": "ada"}, 201)


async def _closure(merchant: Merchant) -> Ready:
    return Ready(f"/v1/accounts/{await merchant.wallet()}/close", {}, 200)


async def _transfer(merchant: Merchant) -> Ready:
    source, target = await merchant.wallet(funds=5_000), await merchant.wallet()
    return Ready("/v1/transfers", transfer((source, -500), (target, 500)), 201)


async def _deposit(merchant: Merchant) -> Ready:
    body = {"account": await merchant.wallet(), "amount": 700, "currency": "USD"}
    return Ready("/v1/deposits", body, 201)


async def _quote(_: Merchant) -> Ready:
    body = {"source_currency": "USD", "target_currency": "EUR", "source_amount": 700}
    return Ready("/v1/fx/quotes", body, 201)


async def _conversion(merchant: Merchant) -> Ready:
    source, target = await merchant.wallet(funds=5_000), await merchant.wallet("EUR")
    quote = await merchant.quote("USD", "EUR", source_amount=500)
    return Ready("/v1/transfers", conversion(quote, source, target), 201)


async def _bank_account(_: Merchant) -> Ready:
    return Ready("/v1/bank_accounts", {"iban": payouts.IBAN, "name": "Ada Obi"}, 201)


async def _payout(merchant: Merchant) -> Ready:
    # Above the limit it waits for approval: a bank's word would write beside the request.
    await payouts.earn(merchant, 2 * payouts.LIMIT)
    to = await payouts.bank_account(merchant)
    return Ready("/v1/payouts", payouts.order(payouts.LIMIT + 1, to), 201)


async def _payout_cancel(merchant: Merchant) -> Ready:
    await payouts.earn(merchant, 2 * payouts.LIMIT)
    to = await payouts.bank_account(merchant)
    made = await payouts.pay_out(merchant, payouts.LIMIT + 1, to)
    return Ready(f"/v1/payouts/{made['id']}/cancel", {}, 200)


async def _customer(_: Merchant) -> Ready:
    return Ready("/v1/customers", {"name": "Ada", "email": "ada@example.com"}, 201)


async def _customer_change(merchant: Merchant) -> Ready:
    made = await merchant.customer(name="Ada")
    return Ready(f"/v1/customers/{made}", {"name": "Ada L.", "email": None}, 200)


async def _customer_deletion(merchant: Merchant) -> Ready:
    return Ready(f"/v1/customers/{await merchant.customer()}/delete", {}, 200)


WRITING: dict[str, Prepare] = {
    "payment": _payment,
    "capture": _capture,
    "cancel": _cancel,
    "refund": _refund,
    "account": _account,
    "closure": _closure,
    "transfer": _transfer,
    "deposit": _deposit,
    "quote": _quote,
    "conversion": _conversion,
    "bank_account": _bank_account,
    "payout": _payout,
    "payout_cancel": _payout_cancel,
    "customer": _customer,
    "customer_change": _customer_change,
    "customer_deletion": _customer_deletion,
}
"""Name -> what prepares the request."""


def transfer(*moves: tuple[str, Any], currency: str = "USD") -> dict[str, Any]:
    """The body of a transfer: each account with what it gets, or gives (below 0)."""
    entries = [
        {
            "account": account,
            "direction": "credit" if amount > 0 else "debit",
            "amount": abs(amount),
        }
        for account, amount in moves
    ]
    return {"currency": currency, "entries": entries}


def conversion(quote: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    """The body of a transfer at a quote, from one wallet to another."""
    return {
        "fx_quote": quote["id"],
        "entries": [
            {"account": source, "direction": "debit", "amount": quote["source_amount"]},
            {"account": target, "direction": "credit", "amount": quote["target_amount"]},
        ],
    }
