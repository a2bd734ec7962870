"""How many cards may be left, and asked about: per address, key, merchant, and number's beginning.

A guess at a card is a card that is left, so these limits are what a search costs. They are in the
memory of one process: with several, each has its own, and after a start they are whole again.
"""

import ipaddress
import math
from collections.abc import Hashable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

from cachetools import LRUCache

from app.base import clock
from app.base.settings import Settings
from app.base.telemetry import metrics
from app.vault.errors import TooManyCards

Name = Literal["address", "key", "merchant", "bin"]

HOUR_S: Final = 3_600
AT_ONCE: Final = 10
"""A tenth of an hour's cards may come at once: people come in waves, searches come in a stream."""
BUCKETS_MAX: Final = 100_000
"""Of each kind, some 20 MB together. A bucket is full again after six minutes, so one that is
forgotten before gives away a tenth of an hour; 5,000 addresses can hardly fill more than these."""
_SITE_BITS: Final = 64  # of an IPv6 address: whoever has one has all behind it


class Caller(NamedTuple):
    """Who brings a card, or asks about one."""

    key: str
    """What names the key: `pk_...` itself, or the id of a secret one."""
    address: str | None = None
    """None where an api asks for somebody."""


class Rate:
    """So many an hour for each of many, a tenth of them at once.

    Source: the generic cell rate algorithm (ITU-T I.371), which needs one number per bucket.
    """

    def __init__(self, per_h: int) -> None:
        self._interval_s = HOUR_S / per_h
        self._patience_s = max(0.0, HOUR_S / AT_ONCE - self._interval_s)
        self._due: LRUCache[Hashable, float] = LRUCache(BUCKETS_MAX)
        """When a bucket is full again, on `clock.monotonic()`."""

    def wait_s(self, key: Hashable, now: float) -> float:
        """How long until the next one is within the rate; 0 if it is now."""
        return max(0.0, self._due.get(key, now) - self._patience_s - now)

    def count(self, key: Hashable, now: float) -> None:
        self._due[key] = max(now, self._due.get(key, now)) + self._interval_s


Rates: TypeAlias = Mapping[Name, Rate]


class CardLimits:
    """The limits of one kind of request."""

    def __init__(self, settings: Settings) -> None:
        self._rates: Rates = {
            "address": Rate(settings.vault_address_cards_per_h),
            "key": Rate(settings.vault_key_cards_per_h),
            "merchant": Rate(settings.vault_merchant_cards_per_h),
            "bin": Rate(settings.vault_bin_cards_per_h),
        }

    def admit(self, caller: Caller, merchant_id: UUID, bin_: str) -> None:
        """Count a card that is within all limits; one that is not costs none of them.

        Args:
            bin_: the first six digits of the card.

        Raises:
            TooManyCards
        """
        now = clock.monotonic()
        keys: dict[Name, Hashable] = {
            "key": caller.key,
            "merchant": merchant_id,
            # Fingerprints are a merchant's own, and so is what a search could find.
            "bin": (merchant_id, bin_),
        }
        if caller.address is not None:
            keys["address"] = site(caller.address)
        waits = {name: self._rates[name].wait_s(key, now) for name, key in keys.items()}
        longest = max(waits, key=lambda name: waits[name])
        if waits[longest] > 0:
            metrics.cards_limited.labels(longest).inc()
            raise TooManyCards(limit=longest, retry_after_s=math.ceil(waits[longest]))
        for name, key in keys.items():
            self._rates[name].count(key, now)


def site(address: str) -> str:
    """What an address is counted by: itself, or its network of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"  # all of them together
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _SITE_BITS), strict=False))


def address_of(peer: str | None, forwarded_for: str, doors: frozenset[str]) -> str:
    """The address of a caller: the peer, or what the door in front of the vault says of its own.

    A door appends to X-Forwarded-For, so only the last part is the door's word.
    """
    peer = peer or ""
    if peer not in doors:
        return peer
    return forwarded_for.rpartition(",")[2].strip() or peer
