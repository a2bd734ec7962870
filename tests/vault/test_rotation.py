"""Rotation: keys are replaced while the vault serves, and every card stays readable."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.base import ids
from app.base.settings import Settings
from app.engine.database import Database
from app.vault import MasterKeys, new_master_key, rotation
from app.vault.cipher import Ciphers
from app.vault.limits import Caller
from app.vault.model import CardInput
from app.vault.service import Vault, _key
from tests.support import cluster
from tests.support.commands import run_suya
from tests.support.databases import Databases, Server, rows
from tests.support.destination import Destination
from tests.support.processes import environ
from tests.support.vault import VaultProcess, authorization

T = TypeVar("T")

NUMBERS = ("4242424242424242", "5555555555554444", "378282246310005", "6304000000000000000")


def rotate(vault: VaultProcess, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    told = environ(**(vault.settings | more))
    return run_suya(told, "vault", "rotate", "--json", *words)


def keys(vault: VaultProcess) -> list[tuple[Any, ...]]:
    """The vault's keys of cards, and how many cards each has."""
    return rows(
        vault.database_url,
        "SELECT k.state, k.wrapped_by, (SELECT count(*) FROM cards AS c WHERE c.key_id = k.id)"
        " FROM vault_keys AS k WHERE purpose = 'card' ORDER BY k.id",
    )


@pytest.fixture
def alone(server: Server, destination: Destination, tmp_path: Path) -> Iterator[VaultProcess]:
    """A vault of this test, because it changes all cards."""
    url = server.new_vault_database()
    with VaultProcess(url, tmp_path, **destination.settings_of_vault) as vault:
        yield vault.start()


class Traffic(threading.Thread):
    """Tokenizes and forwards for as long as the block lasts; records what failed."""

    def __init__(self, vault: VaultProcess, destination: Destination, seed: int) -> None:
        super().__init__(daemon=True)
        self.vault = vault
        self.destination = destination
        self.random = Random(seed)
        self.merchant = ids.encode("merchant", ids.new())
        self.wrong: list[str] = []
        self.sent = 0
        self.moved = threading.Condition()
        self.ended = threading.Event()

    def run(self) -> None:
        tokens: list[tuple[str, str]] = []
        while not self.ended.is_set():
            if len(tokens) < 20 or self.random.random() < 0.3:
                number = self.random.choice(NUMBERS)
                cvc = None
                token = self.vault.tokenize(number, self.merchant, cvc=cvc)["id"]
                tokens.append((token, number))
            token, number = self.random.choice(tokens)
            fields = authorization()
            answer = self.vault.forward(token, self.merchant, fields=fields)
            if answer.status_code != httpx.codes.OK:
                self.wrong.append(answer.text)
            sent = [json.loads(got.body) for got in self.destination.got]
            if not any(
                (one["reference"], one["card"]["number"]) == (fields["reference"], number)
                for one in sent
            ):
                self.wrong.append(f"{token} was not sent as {number[-4:]}")
            self.destination.got.clear()
            with self.moved:
                self.sent += 1
                self.moved.notify_all()

    def send_more(self, count: int) -> None:
        """Return when `count` more cards were sent; fail if that takes over 60 s."""
        with self.moved:
            enough = self.sent + count
            assert self.moved.wait_for(lambda: self.sent >= enough, timeout=60), self.wrong

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()


@pytest.mark.slow
def test_under_load_no_card_is_unreadable(alone: VaultProcess, destination: Destination) -> None:
    """Data keys and master keys are replaced under traffic, and no request fails."""
    with Traffic(alone, destination, seed=7) as traffic:
        master = alone.key_file.read_text("ascii")
        for _ in range(3):
            fresh = new_master_key()
            alone.write_keys(fresh, master)
            done = rotate(alone)
            assert done.returncode == 0, done.stderr
            alone.write_keys(fresh)
            master = fresh
            traffic.send_more(5)

    assert traffic.wrong == []
    assert [(state, count > 0) for state, _, count in keys(alone)] == [("active", True)]
    assert {name for _, name, _ in keys(alone)} == {Ciphers(_masters(alone)).masters.current}
    alone.stop()
    alone.start()


@pytest.mark.slow
@pytest.mark.chaos
def test_an_interrupted_rotation_is_finished(
    alone: VaultProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two pages it leaves two keys; the next run makes no third, and finishes."""
    merchant = ids.encode("merchant", ids.new())
    tokens = _tokenize_many(alone, merchant, rotation.PAGE_CARDS + 50)
    killed = rotate(alone, faults="BETWEEN_PAGES:kill")
    assert killed.returncode == -9
    assert [state for state, _, _ in keys(alone)] == ["retiring", "active"]
    assert [count for _, _, count in keys(alone)] == [50, rotation.PAGE_CARDS]

    finished = rotate(alone)

    assert '"resumed": true' in finished.stdout
    assert '"cards_resealed": 50' in finished.stdout
    assert [(state, count) for state, _, count in keys(alone)] == [("active", len(tokens))]


def test_a_lost_master_key_is_replaced_at_once(alone: VaultProcess) -> None:
    """With --only-master the keys are wrapped again, and the cards stay as they are."""
    alone.tokenize(NUMBERS[0], ids.encode("merchant", ids.new()))
    before = rows(alone.database_url, "SELECT id, sealed FROM cards")
    old, new = alone.key_file.read_text("ascii"), new_master_key()
    alone.write_keys(new, old)

    done = rotate(alone, "--only-master")

    assert '"keys_rewrapped": 2' in done.stdout
    assert rows(alone.database_url, "SELECT id, sealed FROM cards") == before
    alone.write_keys(new)
    alone.stop()
    alone.start()


def test_a_vault_that_never_started_has_nothing_to_rotate(server: Server, tmp_path: Path) -> None:
    """The command says so."""
    done = rotate(VaultProcess(server.new_vault_database(), tmp_path))

    assert done.returncode == 1
    assert "never started" in done.stderr


def test_without_the_old_master_key_nothing_is_rotated(alone: VaultProcess) -> None:
    """A new master key alone cannot open the keys, and nothing changes."""
    before = keys(alone)
    alone.write_keys(new_master_key())

    done = rotate(alone)

    assert done.returncode == 1
    assert "are wrapped by" in done.stderr
    assert keys(alone) == before


class Machine(RuleBasedStateMachine):
    """Two vaults, any number of rotators, master keys that come and go, in any order."""

    url: ClassVar[str]
    folder: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.path = self.folder / f"{ids.new()}.key"
        self.path.touch(mode=0o600)
        self.masters = [new_master_key()]
        self.write()
        self.settings = Settings.load({}, vault_master_key_file=self.path, log_level="error")
        self.tokens: dict[UUID, str] = {}
        self.database = self.do(self.connect())
        self.vaults = [self.do(self.open()) for _ in range(2)]

    def do(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        return self.runner.run(wait())

    async def connect(self) -> Database:
        await _empty(self.url, self.settings)
        return Database(self.url, self.settings)

    async def open(self) -> Vault:
        return await Vault.open(self.database, self.settings)

    def write(self) -> None:
        self.path.write_text("\n".join(self.masters), "ascii")

    def fresh(self) -> Ciphers:
        """The configuration of a command that begins now."""
        return Ciphers(MasterKeys.load(self.settings))

    @rule(which=st.integers(0, 1), number=st.sampled_from(NUMBERS))
    def tokenize(self, which: int, number: str) -> None:
        """Keep a card at one of the vaults."""
        card = CardInput(number=number, exp_month=12, exp_year=2040)
        view = self.do(self.vaults[which].tokenize(ids.new(), "test", Caller("pk"), card, "test"))
        self.tokens[ids.decode("payment_method", view.id)] = number

    @rule()
    def begin(self) -> None:
        """Begin or continue a rotation."""
        self.do(rotation._transact(self.database, lambda tx: rotation._begin(tx, self.fresh())))

    @rule()
    def page(self) -> None:
        """Let some rotation seal a page."""
        self.do(rotation._transact(self.database, lambda tx: rotation._page(tx, self.fresh())))

    @rule()
    def introduce(self) -> None:
        """A new master key is put before the others."""
        self.masters = [new_master_key(), *self.masters]
        self.write()

    @rule()
    def rewrap_and_forget(self) -> None:
        """Wrap all keys by the first master key, and remove the others."""
        self.do(rotation._transact(self.database, lambda tx: rotation._rewrap(tx, self.fresh())))
        del self.masters[1:]
        self.write()

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        """Restart a vault, which empties its caches."""
        self.vaults[which] = self.do(self.open())

    @invariant()
    def every_card_is_readable(self) -> None:
        """Both vaults, whatever they have cached, can read every card."""
        for token, number in self.tokens.items():
            for vault in self.vaults:
                row = self.do(vault.cards.find(token))
                assert row is not None
                card = vault.ciphers.open(_key(row), row.id, row.merchant_id, row.sealed)
                assert card.number == number

    def teardown(self) -> None:
        self.do(self.database.close())
        self.runner.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "examples", [25, pytest.param(3, marks=pytest.mark.cluster)], ids=["postgresql", "cockroachdb"]
)
def test_any_order_of_things_leaves_every_card_readable(
    request: pytest.FixtureRequest, tmp_path: Path, examples: int
) -> None:
    """Cards, rotations that overlap and stop, master keys and restarts, in any order."""
    databases: Databases = (
        request.getfixturevalue("server")
        if "postgresql" in request.node.name
        else cluster.Databases(request.getfixturevalue("cockroach_server"))
    )
    Machine.url, Machine.folder = databases.new_vault_database(), tmp_path
    case = Machine.TestCase
    case.settings = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()


def _masters(vault: VaultProcess) -> MasterKeys:
    return MasterKeys.load(Settings.load({}, vault_master_key_file=vault.key_file))


def _tokenize_many(vault: VaultProcess, merchant: str, count: int) -> list[str]:
    """So many tokens, made from several threads."""
    tokens: list[str] = []

    def make(share: int) -> None:
        tokens.extend(vault.tokenize(NUMBERS[0], merchant, cvc=None)["id"] for _ in range(share))

    threads = [threading.Thread(target=make, args=(count // 10,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tokens


async def _empty(url: str, settings_: Settings) -> None:
    """A vault's database as it is before its first start."""
    async with Database.open(settings_, url) as database, database.writer() as driver:
        for statement in (
            b"DELETE FROM card_uses",
            b"DELETE FROM cards",
            b"DELETE FROM vault_keys",
        ):
            await driver.execute(statement)
