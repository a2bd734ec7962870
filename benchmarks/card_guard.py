"""How often does the guard refuse what is no card number, how many does it find, and at what cost?

Setup: no server; numbers of each kind are generated from a seed, and `app.base.pan` is asked
about each. Three questions: of a million order numbers, times, IMEIs, telephones and ids of each
kind, how many are refused; of 100,000 card numbers of all issuers, how many are found in each of
thirty spellings; and how much CPU time a look takes, at what requests usually have, and at 8 MiB
made to keep it busy.

What would change our mind: more than one in 1,000 of a kind that can be told apart is refused, one
card number in a documented spelling is missed, or 8 MiB take more than 0.3 s.

    python benchmarks/card_guard.py --count 1000000 --cards 100000 --json --save
"""

# ruff: noqa: S311 - the same numbers each time, and nothing secret

import argparse
import json
import os
import platform
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from rich.table import Table
from stdnum import ean, luhn
from stdnum.iban import calc_check_digits

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.base import ids
from app.base.issuers import AS_OF, ISSUERS, beginnings
from app.base.pan import body_contains_pan, contains_pan
from benchmarks import lab
from benchmarks.lab import say

SEED = 1
REFUSED_SHARE_MAX = 0.001
BUSY_BYTES = 8 * 2**20
LOOKS = 20_000  # of each usual text, to time one
DAYS = 35 * 365  # of times, from 2000 on

Make = Callable[[Random], str]

TELEPHONES = (
    *("1##########", "33[67]########", "34[67]########", "39 3#########", "4366########"),
    *("436#########", "447#########", "4915########", "4915#########", "4916########"),
    *("4917#########", "48#########", "52##########", "5511#########", "5521#########"),
    *("573#########", "584#########", "601########", "628#########", "6281##########"),
    *("639#########", "6591######", "7##########", "81[789]0########", "861##########"),
    *("91[6789]#########", "234[789]#########", "2547########", "27[678]########", "97150#######"),
)
"""Mobile numbers as E.164 has them, without the `+`, by the plans of 30 countries."""


def digits(random: Random, count: int) -> str:
    """Any digits, as many as asked for."""
    return str(random.randrange(10**count)).zfill(count)


def instant(random: Random) -> datetime:
    """Any time of 35 years."""
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(
        days=random.randrange(DAYS), microseconds=random.randrange(86_400_000_000)
    )


def telephone(random: Random) -> str:
    """A mobile number of some country."""
    plan, number = random.choice(TELEPHONES).replace(" ", ""), ""
    while plan:
        if plan[0] == "[":
            choices, _, plan = plan[1:].partition("]")
            number += random.choice(choices)
        else:
            number += digits(random, 1) if plan[0] == "#" else plan[0]
            plan = plan[1:]
    return number


def imei(random: Random) -> str:
    """The number of a mobile telephone: who registered its type, type, serial, check digit."""
    body = random.choice(("01", "35", "86", "91", "98", "99")) + digits(random, 12)
    return str(body + luhn.calc_check_digit(body))


def barcode(random: Random) -> str:
    """A GTIN-13."""
    body = digits(random, 12)
    return str(body + ean.calc_check_digit(body))


def iban(random: Random, country: str, count: int) -> str:
    """An account of a country that has digits only, in groups of four."""
    body = digits(random, count)
    whole = f"{country}{calc_check_digits(f'{country}00{body}')}{body}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


TOLD_APART: Mapping[str, Make] = {
    "time_of_14_digits": lambda r: instant(r).strftime("%Y%m%d%H%M%S"),
    "day_first_of_14_digits": lambda r: instant(r).strftime("%d%m%Y%H%M%S"),
    "day_first_with_dots": lambda r: instant(r).strftime("%d.%m.%Y %H.%M.%S"),
    "rfc_3339": lambda r: instant(r).isoformat(),
    "unix_milliseconds": lambda r: str(int(instant(r).timestamp() * 1_000)),
    "unix_microseconds": lambda r: str(int(instant(r).timestamp() * 1_000_000)),
    "date_and_6_digits": lambda r: f"{instant(r):%Y%m%d}{digits(r, 6)}",
    "date_and_8_digits": lambda r: f"{instant(r):%Y%m%d}{digits(r, 8)}",
    "date_dash_digits": lambda r: f"{instant(r):%Y-%m-%d}-{digits(r, 6)}",
    "order_of_12_digits": lambda r: digits(r, 12),
    "order_with_letters": lambda r: f"ORD-{instant(r):%Y}-{digits(r, 8)}",
    "imei": imei,
    "telephone": telephone,
    "telephone_with_plus": lambda r: f"+{telephone(r)}",
    "gtin_13": barcode,
    "iban_de": lambda r: iban(r, "DE", 18),
    "iban_be": lambda r: iban(r, "BE", 12),
    "uuid": lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4)),
    "uuid_without_dashes": lambda r: uuid.UUID(int=r.getrandbits(128), version=4).hex,
    "id_of_ours": lambda r: ids.encode("payment", uuid.UUID(int=r.getrandbits(128), version=4)),
    "sha_256": lambda r: f"{r.getrandbits(256):064x}",
    "coordinates": lambda r: f"{r.uniform(-90, 90):.6f} {r.uniform(-180, 180):.6f}",
    "digits_of_20": lambda r: digits(r, 20),
}
"""Kind -> one of it; these are told from card numbers."""

LIKE_CARDS: Mapping[str, Make] = {
    f"digits_of_{count}": partial(digits, count=count) for count in range(13, 20)
}
"""Nothing but digits: what begins like a card and passes the check digit cannot be told apart."""


KINDS = [(each.brand, length) for each in ISSUERS for length in each.lengths if length > 13]
BEGINNINGS = {each.brand: list(beginnings(each.ranges)) for each in ISSUERS}


def card(random: Random) -> str:
    """A card number of any issuer, of any length above 13; Visa's old ones are counted apart."""
    brand, length = random.choice(KINDS)
    start = random.choice(BEGINNINGS[brand])
    body = start + digits(random, length - len(start) - 1)
    return str(body + luhn.calc_check_digit(body))


def old_visa(random: Random) -> str:
    """A Visa card number of 13 digits."""
    body = "4" + digits(random, 11)
    return str(body + luhn.calc_check_digit(body))


def apart(number: str, by: str, size: int = 4) -> str:
    """The number in groups."""
    return by.join(number[at : at + size] for at in range(0, len(number), size))


def script(number: str, zero: int) -> str:
    """The number in the digits of another script."""
    return "".join(chr(zero + int(digit)) for digit in number)


def escaped(text: str) -> str:
    """Each character by its escape in JSON."""
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "alone": lambda n: n,
    "after_letters": lambda n: f"Visa{n}",
    "before_letters": lambda n: f"{n}exp",
    "in_a_sentence": lambda n: f"paid by {n}, 12/27",
    "in_an_address": lambda n: f"https://a.example/?card={n}&b=1",
    "spaces": lambda n: apart(n, " "),
    "dashes": lambda n: apart(n, "-"),
    "dots": lambda n: apart(n, "."),
    "underscores": lambda n: apart(n, "_"),
    "slashes": lambda n: apart(n, "/"),
    "commas": lambda n: apart(n, ","),
    "colons": lambda n: apart(n, ":"),
    "bars": lambda n: apart(n, "|"),
    "tabs": lambda n: apart(n, r"\t"),
    "line_breaks": lambda n: apart(n, r"\r\n"),
    "wide_gaps": lambda n: apart(n, " - "),
    "mixed": lambda n: apart(apart(n, " "), "-", 10),
    "each_digit": lambda n: apart(n, " ", 1),
    "pairs": lambda n: apart(n, "-", 2),
    "eights": lambda n: apart(n, " ", 8),
    "no_break_spaces": lambda n: apart(n, "\u00a0"),
    "thin_spaces_escaped": lambda n: apart(n, r"\u2009"),
    "en_dashes": lambda n: apart(n, "\u2013"),
    "minus_signs": lambda n: apart(n, "\u2212"),
    "bullets": lambda n: apart(n, "\u2022"),
    "zero_width": lambda n: apart(n, "\u200b", 3),
    "fullwidth": lambda n: apart(script(n, 0xFF10), " "),
    "arabic_indic": lambda n: script(n, 0x660),
    "mathematical_escaped": lambda n: escaped(script(n, 0x1D7CE)),
    "all_escaped": lambda n: escaped(apart(n, "\u00a0")),
}
"""How a value may be spelled in a body of JSON (docs/vault.md)."""

USUAL: Mapping[str, bytes] = {
    "payment": json.dumps(
        {
            "amount": 1250,
            "currency": "EUR",
            "wallet": "acct_01m8qszg44eg8s98em6q09hpnb",
            "description": "Order 10423, two coffees",
            "metadata": {"order": "2026-10423", "till": "7"},
            "expires_at": "2026-12-01T14:30:00Z",
        }
    ).encode(),
    "payment_with_accents": '{"amount": 1250, "description": "Zwei süße Kaffees"}'.encode(),
    "payment_with_escapes": rb'{"amount": 1250, "description": "Zwei s\u00fc\u00dfe\nKaffees"}',
    "key": b"0b7e8d0a-7f4b-4b5e-9c1d-0123456789ab",
}

BUSY: Mapping[str, str] = {
    "digits": "4",
    "fours": "4000 ",
    "thirteens": "4000000000001 ",
    "each_digit": "4 ",
    "marks": "4\u0301",
    "fullwidth": "\uff14 ",
    "escapes": r"\u0034",
    "accounts": "ab12" + " 1" * 16 + " ",
    "signs": "4000/4000/4000.",
}


def refused_share(kinds: Mapping[str, Make], count: int) -> dict[str, float]:
    """Of each kind, which share is refused."""
    with ProcessPoolExecutor() as pool:
        return dict(zip(kinds, pool.map(partial(_refused_share, count), kinds), strict=True))


def _refused_share(count: int, name: str) -> float:
    random, make = Random(f"{SEED} {name}"), {**TOLD_APART, **LIKE_CARDS}[name]
    share = sum(contains_pan(make(random)) for _ in range(count)) / count
    say(f"{name}: {share:.6f} refused")
    return share


def missed(count: int) -> dict[str, int]:
    """Of `count` card numbers, how many are not found in each spelling."""
    with ProcessPoolExecutor() as pool:
        return dict(zip(SPELLINGS, pool.map(partial(_missed, count), SPELLINGS), strict=True))


def _missed(count: int, name: str) -> int:
    random, spell = Random(SEED), SPELLINGS[name]
    bodies = (f'{{"a":"{spell(card(random))}"}}'.encode() for _ in range(count))
    misses = sum(not body_contains_pan(body) for body in bodies)
    say(f"{name}: {misses} of {count} missed")
    return misses


def look_us(body: bytes) -> float:
    """How long one look takes: the best of five rounds."""
    taken = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(LOOKS):
            body_contains_pan(body)
        taken.append(time.process_time() - began)
    return min(taken) / LOOKS * 1e6


def busy_s(piece: str) -> float:
    """How long one look at 8 MiB takes that are made of `piece`: the best of three."""
    body = f'{{"a":"{piece * (BUSY_BYTES // len(piece.encode()))}"}}'.encode()
    taken = []
    for _ in range(3):
        began = time.process_time()
        body_contains_pan(body)
        taken.append(time.process_time() - began)
    return min(taken)


def show(result: Mapping[str, Any]) -> Table:
    """The result, as people read it."""
    table = Table("what", "figure", title="The guard against card numbers")
    for name, share in {**result["refused_share"], **result["refused_share_like_cards"]}.items():
        table.add_row(f"{name} refused", f"{share:.4%}")
    misses = sum(result["missed"].values())
    table.add_row(
        f"{result['cards']} card numbers in {len(SPELLINGS)} spellings: missed", f"{misses}"
    )
    table.add_row("Visa's of 13 digits missed, alone", f"{result['missed_old_visa_share']:.2%}")
    for name, value in result["look_us"].items():
        table.add_row(f"a look at a {name}", f"{value:.2f} us")
    for name, value in result["busy_s"].items():
        table.add_row(f"8 MiB of {name}", f"{value:.3f} s")
    table.add_row("fit", "yes" if result["fit"] else "no")
    return table


def main() -> None:
    """Measure, and print one JSON object or a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="of each kind")
    parser.add_argument("--cards", type=int, default=100_000, help="card numbers, in each spelling")
    lab.add_output_flags(parser)
    flags = parser.parse_args()

    looks = {name: look_us(body) for name, body in USUAL.items()}
    busy = {name: busy_s(piece) for name, piece in BUSY.items()}
    refused = refused_share(TOLD_APART, flags.count)
    misses = missed(flags.cards)
    random = Random(SEED)
    old = sum(not contains_pan(old_visa(random)) for _ in range(flags.cards)) / flags.cards
    fit = (
        max(refused.values()) < REFUSED_SHARE_MAX
        and not any(misses.values())
        and max(busy.values()) < 0.3
    )
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": lab.commit(),
        "machine": lab.machine(),
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version()},
        "seed": SEED,
        "issuers_as_of": AS_OF,
        "count": flags.count,
        "cards": flags.cards,
        "refused_share": refused,
        "refused_share_like_cards": refused_share(LIKE_CARDS, flags.count),
        "missed": misses,
        "missed_old_visa_share": old,
        "look_us": looks,
        "busy_s": busy,
        "fit": fit,
    }
    lab.publish("card-guard", result, show(result), flags)


if __name__ == "__main__":
    main()
