"""Free ports, each given only once."""

import contextlib
import random

from app.base.process import PortUnusable, check_port

# Databases have their ports below; the kernel gives those above to connections.
_RANGE = range(27_000, 32_000)
_TRIES_MAX = 1_000  # nine of ten ports are free


class Ports:
    """A range of ports. Some of them are bound long after they were chosen."""

    def __init__(self, among: range) -> None:
        self._among = among
        self._given: set[int] = set()

    def free(self, row: int = 1, host: str = "127.0.0.1") -> int:
        """A free port of `host`, or the first of `count` free ones in a row.

        Raises:
            PortUnusable: no free one was found.
        """
        # Not seeded: every test seeds the usual generator alike, and would try the same ports.
        chance = random.SystemRandom()
        for _ in range(_TRIES_MAX):
            first = chance.choice(self._among[: len(self._among) - row + 1])
            ports = set(range(first, first + row))
            if ports.isdisjoint(self._given) and all(is_free(port, host) for port in ports):
                self._given.update(ports)
                return first
        raise PortUnusable(f"No port of {host} is free in {self._among}.")


free_port = Ports(_RANGE).free


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nothing listens there."""
    with contextlib.suppress(PortUnusable):
        check_port(host, port)
        return True
    return False
