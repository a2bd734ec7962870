"""A publishable key ends when its merchant gets the next one, whether or not any api runs."""

import time
from pathlib import Path

import httpx

from app.base import ids
from app.base.publishable import publishable_key, read_publishable_key
from tests.support.client import refused
from tests.support.databases import Server
from tests.support.vault import API_KEY, CLIENT_KEY, PROCESSOR_KEY, VaultProcess, card

VISA = "4242424242424242"
LIMIT_S = 30  # for what takes three seconds


def raise_to(vault: VaultProcess, merchant: str, lowest: int, key: str = API_KEY) -> httpx.Response:
    """The answer to an api that ends a merchant's keys of lower generations."""
    return vault.post("/generations", key, {"merchant": merchant, "lowest": lowest})


def leave(vault: VaultProcess, merchant: str, generation: int) -> httpx.Response:
    """The answer to a card that is left with a key of a generation."""
    key = vault.publishable_key(merchant, generation=generation)
    return vault.post("/tokens", key, card(VISA))


def test_an_ended_key_is_refused(vault: VaultProcess, merchant_id: str) -> None:
    """From its answer on the vault refuses lower generations, also after a restart."""
    assert leave(vault, merchant_id, 1).status_code == 201

    assert raise_to(vault, merchant_id, 2).status_code == 200

    refused(leave(vault, merchant_id, 1), 401, "vault_unauthorized")
    assert leave(vault, merchant_id, 2).status_code == 201
    vault.restart()
    refused(leave(vault, merchant_id, 1), 401, "vault_unauthorized")
    assert leave(vault, merchant_id, 2).status_code == 201


def test_other_merchants_keys_go_on(vault: VaultProcess, merchant_id: str) -> None:
    """A merchant's generations are its own."""
    raise_to(vault, merchant_id, 2)

    assert leave(vault, ids.encode("merchant", ids.new()), 1).status_code == 201


def test_an_ended_key_never_comes_back(vault: VaultProcess, merchant_id: str) -> None:
    """A lower number than before changes nothing, so that a late repetition does no harm."""
    raise_to(vault, merchant_id, 3)
    raise_to(vault, merchant_id, 2)

    refused(leave(vault, merchant_id, 2), 401, "vault_unauthorized")
    assert leave(vault, merchant_id, 3).status_code == 201


def test_every_vault_process_learns_of_it(server: Server, tmp_path: Path, merchant_id: str) -> None:
    """Another process of the vault, which remembers the key as good, refuses it soon."""
    url = server.new_vault_database()
    with VaultProcess(url, tmp_path) as first, VaultProcess(url, tmp_path) as second:
        second.write_keys(first.key_file.read_text("ascii"))
        first.start()
        second.start()
        assert leave(second, merchant_id, 1).status_code == 201

        raise_to(first, merchant_id, 2)

        refused(leave(first, merchant_id, 1), 401, "vault_unauthorized")
        deadline = time.monotonic() + LIMIT_S
        while leave(second, merchant_id, 1).status_code != 401:
            assert time.monotonic() < deadline
        first.stop()
        second.stop()


def test_only_an_api_ends_keys(vault: VaultProcess, merchant_id: str) -> None:
    """Whoever has a public key or the adapters' ends none; nor does a malformed request."""
    for key in (vault.publishable_key(merchant_id), PROCESSOR_KEY, "x"):
        refused(raise_to(vault, merchant_id, 2, key), 401, "vault_unauthorized")
    for merchant, lowest in (("mer_x", 2), (merchant_id, 0), (merchant_id, 10**9)):
        refused(raise_to(vault, merchant, lowest), 400, "invalid_card_request")

    assert leave(vault, merchant_id, 1).status_code == 201


def test_a_generation_is_signed(vault: VaultProcess, merchant_id: str) -> None:
    """The number in a key cannot be changed, left out or added."""
    raise_to(vault, merchant_id, 2)
    first, second = (vault.publishable_key(merchant_id, generation=n) for n in (1, 2))
    subject, _, mac = first.rpartition("_")
    forged = [f"{subject}_{n}_{mac}" for n in ("0", "1", "2", "02", "9999999999")]
    forged += [second.replace("_2_", "_3_"), second.replace("_2_", "_")]

    for key in forged:
        refused(vault.post("/tokens", key, card(VISA)), 401, "vault_unauthorized")


def test_keys_from_before_generations_are_of_the_first() -> None:
    """A key on a page stays good until it is rotated, so the first generation has the old form."""
    merchant = ids.decode("merchant", "mer_01h455vb4pex5vsknk084sn02q")
    known = "pk_test_01h455vb4pex5vsknk084sn02q_i2yfcmyb4bygs7x3wc6nipchba"

    first = publishable_key(merchant, "test", CLIENT_KEY)

    assert first == known
    assert read_publishable_key(first, CLIENT_KEY) == (merchant, 1, "test")
    second = publishable_key(merchant, "live", CLIENT_KEY, 2)
    assert read_publishable_key(second, CLIENT_KEY) == (merchant, 2, "live")
