"""Master keys: where they come from, what they open, and that a wrong one stops the start."""

from pathlib import Path

import pytest

from app.base import ids
from app.base.errors import InvariantViolated
from app.base.settings import Settings
from app.vault import MasterKeys, MasterKeyWrong, new_master_key
from app.vault.cipher import Ciphers, WrappedKey
from app.vault.errors import MasterKeyMissing, MasterKeyUnsafe
from app.vault.masters import KEY_BYTES
from app.vault.model import Card
from tests.support.databases import Server, execute, rows
from tests.support.vault import VaultProcess

CARD = Card("4242424242424242", "Ada")


def loaded(**settings: object) -> MasterKeys:
    """The master keys of some settings."""
    return MasterKeys.load(Settings.load({}, **settings))


def ciphers(*keys: str) -> Ciphers:
    """The ciphers under some master keys."""
    return Ciphers(loaded(vault_master_key=",".join(keys)))


def fresh(made_by: Ciphers, purpose: str = "card") -> WrappedKey:
    """A new key."""
    key_id = ids.new()
    return WrappedKey(key_id, purpose, "active", *made_by.new_key(key_id, purpose))


def test_there_must_be_one() -> None:
    """Without a master key the vault does not start."""
    with pytest.raises(MasterKeyMissing):
        loaded()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_is_for_its_owner_only(tmp_path: Path, mode: int) -> None:
    """A file that anybody else may read or write is refused."""
    path = tmp_path / "vault.key"
    path.write_text(new_master_key(), "ascii")
    path.chmod(mode)

    with pytest.raises(MasterKeyUnsafe, match="chmod 600"):
        loaded(vault_master_key_file=path)

    path.chmod(0o400)
    assert loaded(vault_master_key_file=path).current


@pytest.mark.parametrize("text", ["", "\n", "x", "aGFsZg==", "4242424242424242"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    """A malformed key is refused in a file or a variable, and is not quoted."""
    path = tmp_path / "vault.key"
    path.touch(mode=0o600)
    path.write_text(text, "ascii")
    for settings in ({"vault_master_key_file": path}, {"vault_master_key": text}):
        with pytest.raises(MasterKeyUnsafe) as refusal:
            loaded(**settings)
        assert not text.strip() or text not in str(refusal.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message names the file that cannot be read."""
    with pytest.raises(MasterKeyUnsafe, match="nowhere"):
        loaded(vault_master_key_file=tmp_path / "nowhere")


def test_the_first_key_wraps_and_all_unwrap() -> None:
    """A new master key before the old one opens what the old one wrapped."""
    old, new = new_master_key(), new_master_key()
    key = fresh(ciphers(old))

    both = ciphers(new, old)

    assert both.unwrap(key) == ciphers(old).unwrap(key)
    wrapped, wrapped_by = both.rewrap(key)
    rewrapped = key._replace(wrapped=wrapped, wrapped_by=wrapped_by)
    assert ciphers(new).unwrap(rewrapped) == both.unwrap(key)
    with pytest.raises(MasterKeyWrong):
        ciphers(new).unwrap(key)
    with pytest.raises(MasterKeyWrong):
        ciphers(old).unwrap(rewrapped)


def test_a_key_that_came_later_is_found(tmp_path: Path) -> None:
    """A running process reads the file again when it meets a key that it cannot open."""
    path = tmp_path / "vault.key"
    path.touch(mode=0o600)
    old, new = new_master_key(), new_master_key()
    path.write_text(old, "ascii")
    running = Ciphers(loaded(vault_master_key_file=path))
    path.write_text(f"{new}\n{old}\n", "ascii")

    key = fresh(ciphers(new))

    assert len(running.unwrap(key)) == KEY_BYTES


def test_a_wrapped_key_is_what_it_was_made_for() -> None:
    """A wrapped key does not open under another id or purpose, or if it was changed."""
    made = ciphers(new_master_key())
    key = fresh(made)
    for wrong in (
        key._replace(id=ids.new()),
        key._replace(purpose="fingerprint"),
        key._replace(wrapped=key.wrapped[:-1] + bytes([key.wrapped[-1] ^ 1])),
    ):
        with pytest.raises(MasterKeyWrong):
            made.unwrap(wrong)


def test_a_card_opens_in_its_place_only() -> None:
    """Its ciphertext is bound to token, merchant and key, and differs each time."""
    made = ciphers(new_master_key())
    key, other_key = fresh(made), fresh(made)
    token, merchant = ids.new(), ids.new()

    sealed = made.seal(key, token, merchant, CARD)

    assert made.open(key, token, merchant, sealed) == CARD
    assert sealed != made.seal(key, token, merchant, CARD)
    assert CARD.number.encode() not in sealed
    changed = bytes([sealed[0] ^ 1]) + sealed[1:]
    for place in (
        (key, ids.new(), merchant, sealed),
        (key, token, ids.new(), sealed),
        (other_key, token, merchant, sealed),
        (key, token, merchant, changed),
    ):
        with pytest.raises(InvariantViolated):
            made.open(*place)


def test_a_card_does_not_show_itself() -> None:
    """A card is shown neither in a log nor in a traceback."""
    assert CARD.number not in f"{CARD!r} {CARD}"


def test_a_wrong_master_key_is_refused_at_the_start(server: Server, tmp_path: Path) -> None:
    """The vault names both keys and serves nothing, until it has the right one again."""
    with VaultProcess(server.new_vault_database(), tmp_path) as vault:
        right = vault.key_file.read_text("ascii")
        vault.start()
        token = vault.tokenize(CARD.number, ids.encode("merchant", ids.new()))
        vault.stop()
        vault.write_keys(new_master_key())

        vault.spawn()

        assert vault.wait() == 1
        names = [name for (name,) in rows(vault.database_url, "SELECT wrapped_by FROM vault_keys")]
        assert "2 of the vault's keys are wrapped by" in vault.log()
        assert names[0] in vault.log()
        vault.write_keys(right)
        vault.start()
        assert token["id"]


def test_two_vaults_on_an_empty_database_agree(server: Server, tmp_path: Path) -> None:
    """Of two vaults that start at once one makes the keys, and the other uses them."""
    url = server.new_vault_database()
    with VaultProcess(url, tmp_path) as first, VaultProcess(url, tmp_path) as second:
        second.write_keys(first.key_file.read_text("ascii"))
        first.spawn()
        second.start()
        while not first.is_ready():
            assert first.is_running, first.log()

        assert len(rows(url, "SELECT id FROM vault_keys")) == 2
        merchant = ids.encode("merchant", ids.new())
        one, two = (vault.tokenize(CARD.number, merchant) for vault in (first, second))
        assert first.ask(f"{two['id']}/same", merchant).json() == {"tokens": [one["id"]]}


def test_it_does_not_serve_on_another_schema(server: Server, tmp_path: Path) -> None:
    """On a database of another kind the message names the command that creates the schema."""
    with VaultProcess(server.new_database(), tmp_path) as vault:
        vault.spawn()

        assert vault.wait() == 1
        assert "suya vault migrate" in vault.log()


def test_the_vaults_role_has_nothing_else(server: Server) -> None:
    """On the embedded server its role cannot connect to the api's database."""
    vault_url = server.new_vault_database()
    theirs = server.postgres.url.replace("://postgres@/", "://suya_vault@/")

    assert rows(vault_url, "SELECT current_user") == [("suya_vault",)]
    with pytest.raises(Exception, match="permission denied for database"):
        execute(theirs, "SELECT 1")


def test_new_key_puts_a_key_before_the_others(tmp_path: Path) -> None:
    """The command makes the file, for its owner only, and keeps the keys in it."""
    from tests.support.commands import environ_of, run_suya

    path = tmp_path / "vault.key"
    for count in (1, 2):
        done = run_suya(environ_of(tmp_path), "vault", "new-key", str(path))
        assert done.returncode == 0, done.stderr
        keys = path.read_text("ascii").split()
        assert len(keys) == count
        assert path.stat().st_mode & 0o777 == 0o600
        assert keys[0] not in done.stdout
    assert loaded(vault_master_key_file=path).current
    assert [found.name for found in tmp_path.iterdir()] == ["vault.key"]
