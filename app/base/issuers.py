"""Whose a card number is: the brands' ranges and lengths, and the check digit.

One table serves all: the vault accepts what is in it, the guard looks for it in text (`pan.py`),
and the sandbox names brands by it. Sources: ISO/IEC 7812-1:2017 for the form and the check digit;
for ranges and lengths what the brands publish for merchants and acquirers, as it stood in 2025.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

AS_OF: Final = "2025-12"
"""The month of the newest publication that the table follows."""

DIGITS_MAX: Final = 19  # ISO/IEC 7812-1
_PREFIX_DIGITS: Final = 6
"""Ranges are told apart within the six digits that all of these issuers still begin with."""

_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


class Issuer(NamedTuple):
    """The numbers of one brand: how many digits they have, and how they begin."""

    brand: str
    lengths: tuple[int, ...]
    ranges: str
    """Beginnings, and first and last beginnings (`2221-2720`), separated by spaces."""


_ANY_16_19: Final = (16, 17, 18, 19)

# The longest beginning that has the length counts. Not in it, because nobody issues them any more:
# JCB's 15 digits (1800, 2131), enRoute, Bankcard. Solo, Switch and Laser have become Maestro.
ISSUERS: Final = (
    Issuer("visa", (13, 16, 19), "4"),
    Issuer("mastercard", (16,), "51-55 2221-2720"),
    Issuer("amex", (15,), "34 37"),
    Issuer("diners", (14, 15, 16, 17, 18, 19), "300-305 3095 36 38-39"),
    Issuer("discover", _ANY_16_19, "6011 644-649 65"),
    Issuer("jcb", _ANY_16_19, "3528-3589"),
    Issuer("unionpay", _ANY_16_19, "62 810-817"),
    Issuer("maestro", tuple(range(12, 20)), "50 56-58 60-61 63-64 66-69"),
    Issuer("mir", _ANY_16_19, "2200-2204"),
    Issuer("verve", (16, 18, 19), "506099-506198 507850-507999 650002-650027"),
    Issuer("elo", (16,), (
        "401178-401179 431274 438935 451416 457393 457631-457632 504175 506699-506778 509 627780 "
        "636297 636368 650031-650033 650035-650051 650405-650439 650485-650538 650541-650598 "
        "650700-650718 650720-650727 650901-650978 651652-651679 655000-655019 655021-655058"
    )),
    Issuer("hipercard", (16,), "606282 637095 637568 637599 637609 637612"),
    Issuer("rupay", (16,), "508500-508999 606985-607984 608001-608500 652150-653149 817200-829999"),
    Issuer("troy", (16,), "9792"),
    Issuer("dankort", (16,), "5019"),
    Issuer("ukrcard", _ANY_16_19, "604001-604200"),
    Issuer("uzcard", (16,), "8600"),
    Issuer("humo", (16,), "9860"),
    Issuer("belkart", (16,), "9112"),
    Issuer("napas", (16, 19), "9704"),
    Issuer("uatp", (15,), "1"),
)  # fmt: skip


def find_brand(digits: str) -> str | None:
    """The brand that has numbers of this beginning and length; the check digit is not looked at."""
    for size in range(_PREFIX_DIGITS, 0, -1):
        brand = _BRANDS.get((digits[:size], len(digits)))
        if brand is not None:
            return brand
    return None


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B)."""
    return (
        sum(map(int, digits[::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))
    ) % 10 == 0


def beginnings(ranges: str) -> Iterator[str]:
    """The shortest beginnings that together are the ranges: `38-41` gives 38, 39, 40 and 41."""
    for part in ranges.split():
        first, _, last = part.partition("-")
        low = int(first.ljust(_PREFIX_DIGITS, "0"))
        high = int((last or first).ljust(_PREFIX_DIGITS, "9"))
        while low <= high:
            size = 1
            while low % (size * 10) == 0 and low + size * 10 - 1 <= high:
                size *= 10
            yield str(low // size)
            low += size


def _brands() -> dict[tuple[str, int], str]:
    """Beginning and length -> brand."""
    found: dict[tuple[str, int], str] = {}
    for issuer in ISSUERS:
        for beginning in beginnings(issuer.ranges):
            for length in issuer.lengths:
                other = found.setdefault((beginning, length), issuer.brand)
                assert other == issuer.brand, f"{beginning} is {other} and {issuer.brand}"
    return found


_BRANDS: Final = _brands()
