"""Security codes (CVC): in memory, for a while, for one use. Source: PCI DSS v4.0.1, 3.3.1."""

from collections import OrderedDict
from typing import Final, NamedTuple
from uuid import UUID

from app.base import clock

KEPT_S: Final = 900.0
"""A payer needs minutes to confirm with the bank; after that the code has to be given again."""
CODES_MAX: Final = 100_000
"""Bounds the memory to some 30 MB; beyond it the oldest codes are erased."""


class Code(NamedTuple):
    """A code, and until when (on `clock.monotonic()`) it may be used."""

    digits: str
    ends: float


class SecurityCodes:
    """The codes that this process received; no other process and no disk has them."""

    def __init__(self, kept_s: float = KEPT_S, codes_max: int = CODES_MAX) -> None:
        self._kept_s = kept_s
        self._codes_max = codes_max
        # About in the order of their ends, because all live equally long.
        self._codes: OrderedDict[UUID, tuple[float, bytearray]] = OrderedDict()

    def put(self, card_id: UUID, code: str) -> None:
        """Keep the code of a card."""
        self.put_back(card_id, Code(code, clock.monotonic() + self._kept_s))

    def put_back(self, card_id: UUID, code: Code) -> None:
        """Keep a code again that was not used after all; its end stays."""
        self.forget_old()
        self._codes[card_id] = (code.ends, bytearray(code.digits, "ascii"))
        while len(self._codes) > self._codes_max:
            self._erase(next(iter(self._codes)))

    def take(self, card_id: UUID) -> Code | None:
        """Return the code of a card and erase it; none if there is none."""
        self.forget_old()
        if card_id not in self._codes:
            return None
        ends, digits = self._codes[card_id]
        code = Code(digits.decode("ascii"), ends)
        self._erase(card_id)
        return code

    def forget_old(self) -> None:
        """Erase the codes whose time is over."""
        now = clock.monotonic()
        while self._codes:
            card_id, (ends, _) = next(iter(self._codes.items()))
            if ends > now:
                return
            self._erase(card_id)

    def __len__(self) -> int:
        return len(self._codes)

    def _erase(self, card_id: UUID) -> None:
        code = self._codes.pop(card_id)[1]
        code[:] = bytes(len(code))
