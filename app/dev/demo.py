"""A merchant, an API key and customers with money: the first payment needs no preparation."""

import json
import os
from pathlib import Path
from typing import Self

import msgspec

from app.dev.api import Api, ApiRefused
from app.settings import Settings

_CURRENCY = "USD"
_FUNDS_MINOR = 100_000  # 1,000.00 each: enough for eighty pastes of the printed line
_CUSTOMERS = ("ada", "bola")
_PAY_MINOR = 1_250  # one stick of suya
_REFUND_MINOR = 250  # less than was paid, so that the line can be pasted five times


class Demo(msgspec.Struct, frozen=True):
    """What the demo made; kept in `<home>/demo.json`, readable by its owner only."""

    merchant: str
    """Id of the merchant."""
    api_key: str
    """Its secret."""
    wallets: dict[str, str]
    """Customer -> id of the account with their money."""

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The demo of an earlier start, if there was one."""
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except msgspec.DecodeError:
            return None

    def save(self, path: Path) -> None:
        """Keep it for the next start."""
        write_secret(path, json.dumps(msgspec.to_builtins(self), indent=2))


def write_secret(path: Path, text: str) -> None:
    """A file only its owner can read, from its first byte on, and whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
    fresh.replace(path)


def find_or_create(settings: Settings, host: str, admin_key: str) -> Demo:
    """The demo of this home; made through the API, like any merchant, if it is not there.

    Raises:
        ApiRefused: the API did not make it.
    """
    path = settings.home / "demo.json"
    demo = Demo.load(path)
    if demo is None or not _is_known(demo, host, settings.port):
        demo = _create(Api(host, settings.port, admin_key), host, settings.port)
        demo.save(path)
    return demo


def _is_known(demo: Demo, host: str, port: int) -> bool:
    """Whether the database still has it; somebody may have thrown the data away."""
    try:
        for wallet in demo.wallets.values():
            Api(host, port, demo.api_key).get(f"/v1/accounts/{wallet}")
    except ApiRefused:
        return False
    return True


def _create(admin: Api, host: str, port: int) -> Demo:
    merchant = admin.post("/v1/merchants", {"name": "Demo stall"})
    key = admin.post("/v1/api_keys", {"merchant": merchant["id"], "name": "demo"})
    api = Api(host, port, key["secret"])
    wallets = {}
    for customer in _CUSTOMERS:
        account = api.post("/v1/accounts", {"currency": _CURRENCY, "customer": customer})
        money = {"account": account["id"], "amount": _FUNDS_MINOR, "currency": _CURRENCY}
        api.post("/v1/deposits", money)
        wallets[customer] = account["id"]
    return Demo(merchant=merchant["id"], api_key=key["secret"], wallets=wallets)


def curl_lines(demo: Demo, address: str) -> tuple[str, str, str]:
    """What to paste into a shell to pay, to refund and to read the balance, again and again.

    Each paste is a new intent with a key of its own. The refund asks for the newest payment first,
    so no line needs another's output.
    """
    ada = demo.wallets["ada"]
    key = f"-H 'Authorization: Bearer {demo.api_key}'"
    intent = (
        f"{key} -H 'Content-Type: application/json' "
        '-H "Idempotency-Key: $(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)"'
    )
    payment = {
        "amount": _PAY_MINOR,
        "currency": _CURRENCY,
        "payment_method": {"type": "wallet", "account": ada},
    }
    newest = (
        f"$(curl -sS {key} '{address}/v1/payments?limit=1' | grep -o 'pay_[0-9a-z]*' | head -n1)"
    )
    refund = f"""'{{"payment": "'"{newest}"'", "amount": {_REFUND_MINOR}}}'"""
    curl = "curl -sS -w '\\n'"
    return (
        f"{curl} {address}/v1/payments {intent} -d '{json.dumps(payment)}'",
        f"{curl} {address}/v1/refunds {intent} -d {refund}",
        f"{curl} {address}/v1/accounts/{ada}/balance {key}",
    )


def card_line(vault: str, publishable_key: str) -> str:
    """What to paste into a shell to leave a test card in the vault."""
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    return (
        f"curl -sS -w '\\n' {vault}/tokens -H 'Authorization: Bearer {publishable_key}' "
        f"-H 'Content-Type: application/json' -d '{json.dumps(card)}'"
    )
