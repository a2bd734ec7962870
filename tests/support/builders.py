"""A merchant of one's own, with wallets and payments, in a line each."""

from typing import Any

import httpx

from tests.support.client import FRESH, Api, done


async def new_merchant(admin: Api, **fields: Any) -> "Merchant":
    """A fresh merchant and a key that may do everything; `fields` are those of /v1/merchants."""
    made = done(await admin.post("/v1/merchants", {"name": "stall"} | fields))
    key = done(await admin.post("/v1/api_keys", {"merchant": made["id"]}))
    return Merchant(made["id"], key["id"], admin.as_(key["secret"]))


class Merchant:
    """One merchant: `api` calls as it, the methods do what must succeed.

    Its payments cost 2.9 % and 30 minor units, unless it was made otherwise.
    """

    def __init__(self, merchant_id: str, key_id: str, api: Api) -> None:
        self.id = merchant_id
        self.key_id = key_id
        self.api = api

    async def wallet(self, currency: str = "USD", funds: int = 0, **fields: Any) -> str:
        """The id of a new customer's wallet, with money in it if `funds` (minor units) says so."""
        made = done(await self.api.post("/v1/accounts", {"currency": currency} | fields))
        if funds:
            await self.deposit(made["id"], funds, currency)
        return str(made["id"])

    async def customer(self, **fields: Any) -> str:
        """The id of a new customer."""
        return str(done(await self.api.post("/v1/customers", fields), 201)["id"])

    async def deposit(self, account: str, amount: int, currency: str = "USD") -> dict[str, Any]:
        """The transfer that brought sandbox money into a wallet."""
        body = {"account": account, "amount": amount, "currency": currency}
        return done(await self.api.post("/v1/deposits", body))

    async def pay(self, account: str, amount: int = 1_000, **fields: Any) -> dict[str, Any]:
        """A payment, captured at once."""
        return done(await self.send_payment(account, amount, **fields), 201)

    async def authorize(self, account: str, amount: int = 1_000, **fields: Any) -> dict[str, Any]:
        """A payment that is only held."""
        return await self.pay(account, amount, capture="manual", **fields)

    async def send_payment(
        self, account: str, amount: int = 1_000, *, key: Any = FRESH, **fields: Any
    ) -> httpx.Response:
        """The answer to a payment, good or not."""
        return await self.api.post("/v1/payments", payment(account, amount, **fields), key=key)

    async def capture(self, payment_id: str, **fields: Any) -> dict[str, Any]:
        """The payment after a capture; `amount` and `final` as fields."""
        return done(await self.api.post(f"/v1/payments/{payment_id}/capture", fields))

    async def cancel(self, payment_id: str) -> dict[str, Any]:
        """The payment after its cancellation."""
        return done(await self.api.post(f"/v1/payments/{payment_id}/cancel"))

    async def refund(self, payment_id: str, **fields: Any) -> dict[str, Any]:
        """The refund; `amount` as a field."""
        return done(await self.api.post("/v1/refunds", {"payment": payment_id} | fields), 201)

    async def quote(self, source: str, target: str, **fields: Any) -> dict[str, Any]:
        """A rate from one currency to another; `source_amount` or `target_amount` as a field."""
        body = {"source_currency": source, "target_currency": target} | fields
        return done(await self.api.post("/v1/fx/quotes", body), 201)

    async def read(self, payment_id: str) -> dict[str, Any]:
        """The payment as it is now."""
        return done(await self.api.get(f"/v1/payments/{payment_id}"))

    async def balance(self, account: str) -> dict[str, Any]:
        """An account's balance now."""
        return done(await self.api.get(f"/v1/accounts/{account}/balance"))

    async def available(self, account: str) -> int:
        """What can be spent from an account, in minor units."""
        return int((await self.balance(account))["available"])

    async def own_account(self, kind: str = "merchant_available", currency: str = "USD") -> str:
        """The id of one of the merchant's own accounts; it exists from the first payment on."""
        accounts = await self.api.all("/v1/accounts")
        (found,) = [a["id"] for a in accounts if (a["kind"], a["currency"]) == (kind, currency)]
        return str(found)


def payment(account: str, amount: Any = 1_000, **fields: Any) -> dict[str, Any]:
    """The body of a payment."""
    method = {"type": "wallet", "account": account}
    return {"amount": amount, "currency": "USD", "payment_method": method} | fields
