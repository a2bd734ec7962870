"""A demo merchant, its API key, and customers with money: a first payment needs no preparation."""

import json
from pathlib import Path
from typing import Self

import msgspec

from app.base.settings import Settings
from app.devkit.stack import Caller, CallRefused, write_secret

CURRENCY = "USD"
_FUNDS_MINOR = 100_000  # 1,000.00 each: enough to paste the printed line eighty times
_CUSTOMERS = ("ada", "bola")
_CARDS = {
    "approved": "4242424242424242",
    "challenged": "4000000000003220",
    "disputed": "4000000000000259",
}
_IBAN = "DE89370400440532013000"  # the example of the standard


class Demo(msgspec.Struct, frozen=True):
    """What was made for the demo; kept in `<home>/demo.json`, readable by its owner only."""

    merchant: str
    """Id of the merchant."""
    api_key: str
    """Its secret."""
    wallets: dict[str, str]
    """Customer -> id of the account with their money."""
    cards: dict[str, str]
    """What happens to a test card -> its token; none where no vault runs."""
    bank_account: str
    """The bank account of payouts."""

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Load the demo of an earlier start, if there was one."""
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except msgspec.DecodeError:
            return None

    def save(self, path: Path) -> None:
        """Save it for the next start."""
        write_secret(path, json.dumps(msgspec.to_builtins(self), indent=2))


def find_or_create(
    settings: Settings, host: str, admin_key: str, vault: tuple[str, int] | None
) -> Demo:
    """The demo of this home; made through the API, like any merchant, if it is missing.

    Raises:
        CallRefused: the API did not make it.
    """
    path = settings.home / "demo.json"
    demo = Demo.load(path)
    if demo is None or not _is_known(demo, host, settings.port):
        demo = _create(Caller(host, settings.port, admin_key), host, settings.port, vault)
        demo.save(path)
    return demo


def _is_known(demo: Demo, host: str, port: int) -> bool:
    """Whether the database still has it; the data may have been deleted."""
    try:
        for wallet in demo.wallets.values():
            Caller(host, port, demo.api_key).get(f"/v1/accounts/{wallet}")
    except CallRefused:
        return False
    return True


def _create(admin: Caller, host: str, port: int, vault: tuple[str, int] | None) -> Demo:
    merchant = admin.post("/v1/merchants", {"name": "Demo stall"})
    key = admin.post("/v1/api_keys", {"merchant": merchant["id"], "name": "demo"})
    api = Caller(host, port, key["secret"])
    wallets = {}
    for customer in _CUSTOMERS:
        account = api.post("/v1/accounts", {"currency": CURRENCY, "customer": customer})
        money = {"account": account["id"], "amount": _FUNDS_MINOR, "currency": CURRENCY}
        api.post("/v1/deposits", money)
        wallets[customer] = account["id"]
    bank_account = api.post("/v1/bank_accounts", {"iban": _IBAN, "name": "Demo stall"})
    return Demo(
        merchant=merchant["id"],
        api_key=key["secret"],
        wallets=wallets,
        cards={} if vault is None else _leave_cards(api, *vault),
        bank_account=bank_account["id"],
    )


def _leave_cards(api: Caller, host: str, port: int) -> dict[str, str]:
    """Register test cards in the vault and the api; keyed by what happens to them."""
    vault = Caller(host, port, api.get("/v1/payment_methods/key")["publishable_key"])
    cards = {}
    for what, number in _CARDS.items():
        card = {"number": number, "exp_month": 12, "exp_year": 2040}
        cards[what] = vault.post("/tokens", card)["id"]
        api.post("/v1/payment_methods", {"token": cards[what]})
    return cards
