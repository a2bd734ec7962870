"""How many cards may be left and asked about, per address, key, merchant and beginning."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from stdnum import luhn

from app.base import ids
from app.base.settings import Settings
from app.vault import TooManyCards
from app.vault.limits import Caller, CardLimits, Rate, address_of, site
from tests.support.client import refused
from tests.support.databases import Server
from tests.support.tables import Row, table
from tests.support.vault import PLENTY, VaultProcess, card

VISA, MASTERCARD = "4242424242424242", "5555555555554444"
TENTHS = 10  # of an hour's cards may come at once
GUESSES = 2_000


@pytest.fixture
def narrow(server: Server, tmp_path: Path) -> Iterator[VaultProcess]:
    """A vault that is not started yet, of whose limits a test makes one narrow."""
    with VaultProcess(server.new_vault_database(), tmp_path) as process:
        yield process
        process.stop()


def leave(vault: VaultProcess, merchant_id: str, number: str = VISA, **headers: str) -> int:
    """The status of the answer to a card that is left."""
    key = vault.publishable_key(merchant_id)
    return vault.post("/tokens", key, card(number), **headers).status_code


def numbered(bin_: str, middle: int) -> str:
    """One of the numbers with a beginning."""
    digits = f"{bin_}{middle:09}"
    return digits + str(luhn.calc_check_digit(digits))


def test_a_tenth_of_an_hours_may_come_at_once() -> None:
    """After them one comes per interval, and what was not used for six minutes is whole again."""
    rate = Rate(600)
    for _ in range(60):
        assert rate.wait_s("a", now=0.0) == 0
        rate.count("a", now=0.0)

    assert rate.wait_s("a", now=0.0) == pytest.approx(6)
    assert rate.wait_s("b", now=0.0) == 0
    assert rate.wait_s("a", now=6.0) == pytest.approx(0)
    assert rate.wait_s("a", now=360.0) == 0


@pytest.mark.parametrize("per_h", [1, 5, 10, 600])
def test_every_rate_admits_its_number(per_h: int) -> None:
    """In an hour after the first wave each rate lets its number pass, and never more."""
    rate, passed = Rate(per_h), 0
    for second in range(3_600):
        if rate.wait_s("a", now=float(second)) == 0:
            rate.count("a", now=float(second))
            passed += 1

    assert per_h <= passed <= per_h + per_h // TENTHS


def test_a_refused_card_costs_nothing() -> None:
    """A card beyond one limit does not use up the others, so one caller cannot starve the rest."""
    few = {"vault_address_cards_per_h": "20", "vault_bin_cards_per_h": "30"}
    limits = CardLimits(Settings.load({}, **(PLENTY | few)))
    merchant = ids.new()
    for _ in range(2):
        limits.admit(Caller("pk", "192.0.2.1"), merchant, "424242")

    for _ in range(200):
        with pytest.raises(TooManyCards, match=r"of this address .* in 180 seconds"):
            limits.admit(Caller("pk", "192.0.2.1"), merchant, "424242")
    limits.admit(Caller("pk", "192.0.2.2"), merchant, "424242")


@table("""
    limit     another_number  another_merchant
    address              429               429
    key                  429               201
    merchant             429               201
    bin                  201               201
""")
def test_each_limit_is_kept(row: Row, narrow: VaultProcess, merchant_id: str) -> None:
    """Beyond a limit cards get 429 with the time to wait, known or not, and others go on."""
    narrow.start(**{f"vault_{row.limit}_cards_per_h": "20"})
    said = [leave(narrow, merchant_id) for _ in range(2)]

    key = narrow.publishable_key(merchant_id)
    known, new = (narrow.post("/tokens", key, card(one)) for one in (VISA, numbered("424242", 1)))

    assert said == [201, 201]
    for answer in (known, new):
        refused(answer, 429, "too_many_cards")
        assert answer.json()["facts"]["limit"] == row.limit
        assert 170 <= int(answer.headers["retry-after"]) <= 180
    other = ids.encode("merchant", ids.new())
    assert leave(narrow, merchant_id, MASTERCARD) == row.another_number
    assert leave(narrow, other) == row.another_merchant


def test_registrations_are_limited_alike(narrow: VaultProcess, merchant_id: str) -> None:
    """An api that asks for a merchant about its cards is refused beyond the same limits."""
    narrow.start(vault_bin_cards_per_h="20")
    tokens = [narrow.tokenize(VISA, merchant_id)["id"] for _ in range(2)]

    paths = (tokens[0], f"{tokens[1]}/same")
    said = [narrow.ask(path, merchant_id).status_code for path in paths]

    assert said == [200, 200]
    for path in paths:
        refused(narrow.ask(path, merchant_id, asker="key_2"), 429, "too_many_cards")


def test_a_search_is_stopped(narrow: VaultProcess, merchant_id: str) -> None:
    """With the limits as they are by default, most of some thousand guesses are not taken."""
    narrow.start(**{name: str(Settings.model_fields[name].default) for name in PLENTY})

    said = Counter(leave(narrow, merchant_id, numbered("400000", n)) for n in range(GUESSES))

    assert set(said) == {201, 429}
    assert said[201] < GUESSES / 4


def test_the_door_says_who_calls(narrow: VaultProcess, merchant_id: str) -> None:
    """Behind a door the address that it appended counts, and not what a caller wrote before."""
    narrow.start(vault_doors="127.0.0.1", vault_address_cards_per_h="20")
    for _ in range(2):
        assert leave(narrow, merchant_id, x_forwarded_for="198.51.100.7, 192.0.2.1") == 201

    assert leave(narrow, merchant_id, x_forwarded_for="198.51.100.9, 192.0.2.1") == 429
    assert leave(narrow, merchant_id, x_forwarded_for="192.0.2.2") == 201


@table("""
    peer         forwarded                address
    192.0.2.1    -                        192.0.2.1
    192.0.2.1    198.51.100.7             192.0.2.1       -- no door: its word counts nothing
    10.0.0.1     198.51.100.7             198.51.100.7
    10.0.0.1     203.0.113.1,198.51.100.7 198.51.100.7    -- what the caller had written before
    10.0.0.1     -                        10.0.0.1
""")
def test_addresses(row: Row) -> None:
    """Only a door may name another address than the connection's own."""
    assert address_of(row.peer, row.forwarded or "", frozenset({"10.0.0.1"})) == row.address


@table("""
    address              site
    192.0.2.1            192.0.2.1
    ::ffff:192.0.2.1     192.0.2.1
    2001:db8:1:2:3::4    2001:db8:1:2::/64
    2001:db8:1:2:9::9    2001:db8:1:2::/64
    nonsense             unknown
""")
def test_a_network_of_ipv6_is_one_caller(row: Row) -> None:
    """Whoever has one address of IPv6 has all of its network."""
    assert site(row.address) == row.site
