"""Suya's books and the acquirer's agree after faults, and every difference is named."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.base import ids
from tests.support import builders
from tests.support.builders import Merchant
from tests.support.client import Api, done
from tests.support.commands import environ_of, run_suya
from tests.support.databases import Server, connect
from tests.support.disputes import disputed, there
from tests.support.disputes import until as until_disputed
from tests.support.processes import ADMIN_KEY, ApiProcess, WorkerProcess
from tests.support.rails import DECLINED, QUICK, Rails

WAIT_S = 60  # a few hundred times what it takes


class Both:
    """An api with its worker, an acquirer, and a merchant, which no other test uses."""

    def __init__(self, rails: Rails, url: str, merchant: Merchant, folder: Path) -> None:
        self.rails, self.url, self.merchant, self.folder = rails, url, merchant, folder

    def change(self, statement: str, **names: Any) -> None:
        """Change a row as no code of Suya does."""
        with connect(self.url) as connection:
            connection.execute(statement.encode(), names)

    async def compare(self, settle_s: int = 0) -> tuple[int, dict[str, Any]]:
        """Run the comparison; returns its exit code and output."""
        environ = environ_of(self.folder) | {
            "SUYA_DATABASE_URL": self.url,
            "SUYA_ACQUIRER_URL": self.rails.acquirer.url,
            "SUYA_ACQUIRER_KEY": self.rails.acquirer.key,
        }
        words = ("verify", "--against-acquirer", "--json", "--settle-s", str(settle_s))
        ran = await asyncio.to_thread(run_suya, environ, *words)
        assert ran.stdout, ran.stderr
        return ran.returncode, json.loads(ran.stdout)

    async def until(self, payment_id: str, *statuses: str) -> None:
        """Wait until a payment has one of these statuses."""
        async with asyncio.timeout(WAIT_S):
            while (await self.merchant.read(payment_id))["status"] not in statuses:
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture
async def both(server: Server, database_url: str, tmp_path: Path) -> AsyncIterator[Both]:
    """Both sides, running."""
    rails = Rails(server.new_vault_database(), tmp_path)
    settings = rails.settings | QUICK
    with ApiProcess(database_url, tmp_path, **settings) as api:
        api.start()
        rails.notify(api.url)
        rails.start()
        try:
            with WorkerProcess(database_url, tmp_path, **settings).start():
                async with Api(api.url) as caller:
                    merchant = await builders.new_merchant(caller.as_(ADMIN_KEY))
                    yield Both(rails, database_url, merchant, tmp_path)
        finally:
            rails.kill()


def _uuid(name: str) -> Any:
    return ids.decode("payment" if name.startswith("pay_") else "refund", name)


async def _make_payments(both: Both) -> dict[str, Any]:
    """Make payments that succeed, and some whose answers are lost."""
    rails, merchant = both.rails, both.merchant
    made = {name: await rails.pay(merchant, 1_000) for name in ("paid", "other", "busy", "gone")}
    made["held"] = await rails.pay(merchant, 900, capture="manual")
    made["part"] = await rails.pay(merchant, 900, capture="manual")
    done(await merchant.api.post(f"/v1/payments/{made['part']['id']}/capture", {"amount": 300}))
    refund = {"payment": made["other"]["id"], "amount": 400}
    answer = await merchant.api.post("/v1/refunds", refund, prefer="wait=10")
    made["refund"] = done(answer, 201)
    assert (await rails.send(merchant, number=DECLINED)).status_code == 402
    for fault in ("500_after", "timeout_after", "500_before", "drop_after"):
        answer = await rails.send(merchant, 700, fault=fault, prefer="wait=0")
        await both.until(answer.json()["id"], "captured", "failed")
    return made


async def test_both_books_agree_or_the_difference_is_named(both: Both) -> None:
    """Both books agree after lost answers, and later each kind of difference is named."""
    made = await _make_payments(both)

    code, told = await both.compare()

    assert (code, told["findings"]) == (0, [])
    kinds = {kind["kind"]: kind for kind in told["kinds"]}
    assert kinds["authorizations"]["agreed"] == kinds["authorizations"]["there"] >= 10
    assert kinds["captures"]["agreed"] == kinds["refunds"]["agreed"] == 1

    expected = await _disagree(both, made)

    code, told = await both.compare()

    assert code == 1
    assert {(f["kind"], f["object"]) for f in told["findings"]} == expected
    kinds = {kind["kind"]: kind for kind in told["kinds"]}
    assert kinds["authorizations"]["open"] == 1


async def _disagree(both: Both, made: dict[str, Any]) -> set[tuple[str, str]]:
    """Make both sides differ in every way; returns the expected findings."""
    acquirer, mine = both.rails.acquirer, both.merchant.id
    stranger, capture = ids.encode("payment", ids.new()), ids.encode("capture", ids.new())
    refund, payout = ids.encode("refund", ids.new()), ids.encode("payout", ids.new())
    awaited = ids.encode("payment", ids.new())
    money = {"merchant": mine, "amount": 500, "currency": "EUR"}
    acquirer.authorize(stranger, 500, merchant=mine)
    acquirer.capture(made["held"]["id"], capture, 200)
    acquirer.refund(made["paid"]["id"], refund, 50)
    acquirer.ask("POST", "/v1/bank_transfers", {"reference": awaited} | money)
    to = {"iban": "DE89370400440532013000", "name": "Ada Obi"}
    acquirer.ask("POST", "/v1/payouts", {"reference": payout} | money | to)
    both.change(
        "UPDATE refunds SET status = 'failed' WHERE id = %(id)s", id=_uuid(made["refund"]["id"])
    )
    both.change(
        "UPDATE payments SET status = 'declined' WHERE id = %(id)s", id=_uuid(made["gone"]["id"])
    )
    both.change(
        "UPDATE payments SET status = 'declined', operation_id = id WHERE id = %(id)s",
        id=_uuid(made["busy"]["id"]),
    )
    wallet = await both.merchant.wallet("USD", 900)
    missing = await both.merchant.pay(wallet, 900)
    both.change(
        "UPDATE payments SET method = 'card', rail = %(rail)s WHERE id = %(id)s",
        id=_uuid(missing["id"]),
        rail='{"route":["acquirer"]}',
    )
    return {
        ("authorizations", stranger),
        ("authorizations", made["held"]["id"]),
        ("authorizations", made["paid"]["id"]),
        ("authorizations", made["gone"]["id"]),
        ("authorizations", missing["id"]),
        ("captures", capture),
        ("refunds", refund),
        ("refunds", made["refund"]["id"]),
        ("bank_transfers", awaited),
        ("payouts", payout),
    }


async def test_disputes(both: Both) -> None:
    """A late notification is open or settles; a contradiction or a missing side is named."""
    rails, merchant = both.rails, both.merchant
    names = ("won", "lost", "behind", "ahead", "otherwise", "amount", "fee", "about", "renamed")
    made = {name: (await disputed(rails, merchant))[0]["id"] for name in names}
    keys = {name: there(rails, merchant, payment)["id"] for name, payment in made.items()}
    for name, outcome in {"won": "won", "lost": "lost", "otherwise": "lost"}.items():
        rails.acquirer.decide_dispute(keys[name], outcome)
        await until_disputed(merchant, made[name], outcome)
    made["untold"] = (await rails.pay(merchant))["id"]
    quote = await merchant.quote("USD", "EUR", source_amount=1_000)
    await disputed(rails, merchant, fx_quote=quote["id"])

    rails.acquirer.script(notifications={"paused": True})
    rails.acquirer.decide_dispute(keys["behind"], "lost")
    keys["untold"] = rails.acquirer.open_dispute(made["untold"])["id"]
    code, told = await both.compare()

    assert (code, _found(told)) == (1, {("disputes", keys["untold"])})
    assert _disputes(told) == (11, 9, 1)

    rails.acquirer.script()
    code, told = await both.compare(WAIT_S)

    assert (code, told["findings"]) == (0, [])
    await until_disputed(merchant, made["behind"], "lost")
    assert _disputes((await both.compare())[1]) == (11, 11, 0)

    for name, change in {
        "ahead": "status = 'under_review'",
        "otherwise": "status = 'won'",
        "amount": "amount_minor = 999",
        "fee": "fee_minor = 0",
        "about": "payment_id = id",
        "renamed": "processor_reference = 'dp_renamed'",
    }.items():
        both.change(
            f"UPDATE disputes SET {change} WHERE processor_reference = %(key)s",  # noqa: S608
            key=keys[name],
        )
    code, told = await both.compare()

    wrong = {keys[name] for name in names[3:]} | {"dp_renamed"}
    assert (code, _found(told)) == (1, {("disputes", key) for key in wrong})
    assert _disputes(told) == (11, 5, 0)


async def test_a_decided_dispute_that_is_not_booked(both: Both) -> None:
    """It is named with its state, whatever is under way on its payment."""
    rails, merchant = both.rails, both.merchant
    payment = (await disputed(rails, merchant))[0]["id"]
    key = there(rails, merchant, payment)["id"]
    rails.acquirer.decide_dispute(key, "won")
    await until_disputed(merchant, payment, "won")
    names = {"id": ids.decode("payment", payment)}
    both.change("UPDATE disputes SET processor_reference = 'x' WHERE payment_id = %(id)s", **names)
    both.change("UPDATE payments SET operation_id = id WHERE id = %(id)s", **names)

    code, told = await both.compare()

    assert (code, _found(told)) == (1, {("disputes", key), ("disputes", "x")})
    details = {finding["object"]: finding["detail"] for finding in told["findings"]}
    assert details[key].startswith("it is won there")


def _found(told: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["kind"], finding["object"]) for finding in told["findings"]}


def _disputes(told: dict[str, Any]) -> tuple[int, int, int]:
    """How many disputes are there, agree, and are open."""
    (kind,) = [kind for kind in told["kinds"] if kind["kind"] == "disputes"]
    return kind["there"], kind["agreed"], kind["open"]


@pytest.mark.parametrize("given", [{}, {"SUYA_ACQUIRER_URL": "http://127.0.0.1:1"}])
def test_without_an_acquirer_nothing_is_compared(given: dict[str, str], tmp_path: Path) -> None:
    """An acquirer that cannot be reached is an error, and not an agreement."""
    url = {"SUYA_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"}

    ran = run_suya(environ_of(tmp_path) | url | given, "verify", "--against-acquirer")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "SUYA_ACQUIRER_KEY" in ran.stderr
