"""The lines that `suya dev` prints to paste into a shell, one for each thing that can be done.

Each paste is a new request with its own idempotency key. No line needs another's output: one that
is about an earlier payment looks it up first.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from app.devkit.dev.demo import CURRENCY, Demo

_PAY_MINOR = 1_250  # one stick of suya
_REFUND_MINOR = 250  # less than was paid, so that the line can be pasted five times
_PAYOUT_MINOR = 500  # less than what one payment leaves the merchant after the fee
_CURL = "curl -sS -w '\\n'"
_NEW_KEY = '-H "Idempotency-Key: $(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)"'


class PasteLine(NamedTuple):
    title: str
    text: str


class Addresses(NamedTuple):
    """The addresses of the processes of this run."""

    api: str
    vault: str | None
    acquirer: str | None


def curl_lines(demo: Demo, at: Addresses, publishable_key: str | None) -> list[PasteLine]:
    """The lines, in the order in which a newcomer needs them."""
    lines = [*_wallet_lines(demo, at)]
    if at.vault is not None and publishable_key is not None:
        lines.append(_vault_line(at.vault, publishable_key))
    if at.acquirer is not None and demo.cards:
        lines += _card_lines(demo, at)
    return [*lines, _exchange_line(demo, at)]


def _wallet_lines(demo: Demo, at: Addresses) -> Iterator[PasteLine]:
    ada = demo.wallets["ada"]
    method = {"type": "wallet", "account": ada}
    yield PasteLine("Pay with ada's wallet", _pay(demo, at, method))
    refund = f"""'{{"payment": "'"{_newest(demo, at)}"'", "amount": {_REFUND_MINOR}}}'"""
    path = f"{at.api}/v1/refunds"
    yield PasteLine(
        "Refund a part of the newest payment", f"{_CURL} {path} {_post(demo)} -d {refund}"
    )
    balance = f"{_CURL} {at.api}/v1/accounts/{ada}/balance {_key(demo)}"
    yield PasteLine("Read the balance of ada's wallet", balance)


def _exchange_line(demo: Demo, at: Addresses) -> PasteLine:
    quote = {"source_currency": CURRENCY, "target_currency": "EUR", "source_amount": _PAY_MINOR}
    quoted = (
        f"$(curl -sS {at.api}/v1/fx/quotes {_post(demo)} -d '{json.dumps(quote)}'"
        " | grep -o 'fxq_[0-9a-z]*' | head -n1)"
    )
    payment = json.dumps(
        {
            "amount": _PAY_MINOR,
            "currency": CURRENCY,
            "payment_method": {"type": "wallet", "account": demo.wallets["ada"]},
            "fx_quote": "QUOTE",
        }
    )
    body = payment.replace("QUOTE", f"""'"{quoted}"'""")
    return PasteLine(
        "Pay in dollars what the merchant gets in euros, at a quote",
        f"{_CURL} {at.api}/v1/payments {_post(demo)} -d '{body}'",
    )


def _vault_line(vault: str, publishable_key: str) -> PasteLine:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    page = f"{vault}/form#key={publishable_key}"
    return PasteLine(
        f"Leave a card in the vault, which answers its token (or by {page})",
        f"{_CURL} {vault}/tokens -H 'Authorization: Bearer {publishable_key}' "
        f"-H 'Content-Type: application/json' -d '{json.dumps(card)}'",
    )


def _card_lines(demo: Demo, at: Addresses) -> Iterator[PasteLine]:
    yield PasteLine("Pay with a card", _pay_by(demo, at, "approved"))
    yield PasteLine(
        "Pay with a card that asks for 3-D Secure; `next_action` says where",
        _pay_by(demo, at, "challenged"),
    )
    challenge = f"$({_read(demo, at, 'payments?limit=1')} | grep -o 'http[^\"]*3ds[^\"]*')"
    yield PasteLine(
        "Approve the newest payment's challenge, as the payer would on that page",
        f'{_CURL} -o /dev/null -d decision=approve "{challenge}" '
        f"&& {_CURL} {at.api}/v1/payments/{_newest(demo, at)} {_key(demo)}",
    )
    yield PasteLine(
        "Lose the processor's answer after it charged: 202, and right by itself within a minute",
        _pay_by(demo, at, "approved", "-H 'Suya-Sandbox-Fault: timeout_after' -H 'Prefer: wait=1'"),
    )
    yield PasteLine(
        "See what became of the newest payment",
        f"{_CURL} {at.api}/v1/payments/{_newest(demo, at)} {_key(demo)}",
    )
    payout = {
        "amount": _PAYOUT_MINOR,
        "currency": CURRENCY,
        "bank_account": demo.bank_account,
    }
    yield PasteLine(
        "Pay out what the wallet payments made available",
        f"{_CURL} {at.api}/v1/payouts {_post(demo)} -d '{json.dumps(payout)}'",
    )
    # The last, because a dispute takes more than one payment leaves.
    yield PasteLine(
        "Pay with a card whose owner disputes the payment",
        _pay_by(demo, at, "disputed"),
    )
    yield from _dispute_lines(demo, at)


def _dispute_lines(demo: Demo, at: Addresses) -> Iterator[PasteLine]:
    yield PasteLine("Read the disputes", f"{_CURL} {at.api}/v1/disputes {_key(demo)}")
    read = _read(demo, at, "disputes?status=needs_response&limit=1")
    path = f"{at.api}/v1/disputes/$({read} | grep -o 'dp_[0-9a-z]*' | head -n1)"
    evidence = json.dumps({"text": "It was eaten, and the bill is signed: winning_evidence"})
    yield PasteLine(
        "Give evidence for the newest dispute that needs some",
        f"{_CURL} {path}/evidence {_post(demo)} -d '{evidence}'",
    )
    yield PasteLine(
        "Submit it; the sandbox's bank is convinced by the word in it",
        f"{_CURL} {path}/submit {_post(demo)} -d '{{}}'",
    )


def _pay_by(demo: Demo, at: Addresses, card: str, headers: str = "") -> str:
    return _pay(demo, at, {"type": "card", "id": demo.cards[card]}, headers)


def _pay(demo: Demo, at: Addresses, method: dict[str, str], headers: str = "") -> str:
    payment = {"amount": _PAY_MINOR, "currency": CURRENCY, "payment_method": method}
    more = f" {headers}" if headers else ""
    return f"{_CURL} {at.api}/v1/payments {_post(demo)}{more} -d '{json.dumps(payment)}'"


def _newest(demo: Demo, at: Addresses) -> str:
    read = _read(demo, at, "payments?limit=1")
    return f"$({read} | grep -o 'pay_[0-9a-z]*' | head -n1)"


def _read(demo: Demo, at: Addresses, path: str) -> str:
    return f"curl -sS {_key(demo)} '{at.api}/v1/{path}'"


def _key(demo: Demo) -> str:
    return f"-H 'Authorization: Bearer {demo.api_key}'"


def _post(demo: Demo) -> str:
    return f"{_key(demo)} -H 'Content-Type: application/json' {_NEW_KEY}"
