"""Security codes (CVC): in memory, for a while, for one use. Source: PCI DSS v4.0.1, 3.3.1."""

from collections import OrderedDict
from typing import Final, NamedTuple
from uuid import UUID

from app.base import clock

KEPT_S: Final = 900.0
"""A payer needs minutes to confirm with the bank; after that the code has to be given again."""
CODES_MAX: Final = 100_000
"""Bounds the memory to some 40 MB; beyond it the merchant that has the most loses its oldest."""
MERCHANT_CODES_MAX: Final = 25_000
"""Of one merchant: as many as its limit of cards lets come within the fifteen minutes."""


class Code(NamedTuple):
    """A code, and until when (on `clock.monotonic()`) it may be used."""

    digits: str
    ends: float


class _Kept(NamedTuple):
    """A code in memory, which can be wiped."""

    merchant_id: UUID
    ends: float
    digits: bytearray


class SecurityCodes:
    """The codes that this process received; no other process and no disk has them.

    What one merchant leaves takes no other merchant's code away, unless that one has more.
    """

    def __init__(
        self,
        kept_s: float = KEPT_S,
        codes_max: int = CODES_MAX,
        merchant_codes_max: int = MERCHANT_CODES_MAX,
    ) -> None:
        self._kept_s = kept_s
        self._codes_max = codes_max
        self._merchant_codes_max = merchant_codes_max
        # About in the order of their ends, because all live equally long; so are the merchants'.
        self._codes: OrderedDict[UUID, _Kept] = OrderedDict()
        self._cards: dict[UUID, OrderedDict[UUID, None]] = {}
        """Merchant -> its cards that have a code."""

    def put(self, merchant_id: UUID, card_id: UUID, code: str) -> None:
        """Keep the code of a merchant's card."""
        self.put_back(merchant_id, card_id, Code(code, clock.monotonic() + self._kept_s))

    def put_back(self, merchant_id: UUID, card_id: UUID, code: Code) -> None:
        """Keep a code again that was not used after all; its end stays."""
        self.forget_old()
        if card_id in self._codes:
            self._erase(card_id)
        self._codes[card_id] = _Kept(merchant_id, code.ends, bytearray(code.digits, "ascii"))
        cards = self._cards.setdefault(merchant_id, OrderedDict())
        cards[card_id] = None
        if len(cards) > self._merchant_codes_max:
            self._erase(next(iter(cards)))
        while len(self._codes) > self._codes_max:
            # Looks at all merchants that have codes: thousands, and only while this is full.
            largest = max(self._cards.values(), key=len)
            self._erase(next(iter(largest)))

    def take(self, card_id: UUID) -> Code | None:
        """Return the code of a card and erase it; none if there is none."""
        self.forget_old()
        kept = self._codes.get(card_id)
        if kept is None:
            return None
        code = Code(kept.digits.decode("ascii"), kept.ends)
        self._erase(card_id)
        return code

    def forget_old(self) -> None:
        """Erase the codes whose time is over."""
        now = clock.monotonic()
        while self._codes:
            card_id, kept = next(iter(self._codes.items()))
            if kept.ends > now:
                return
            self._erase(card_id)

    def __len__(self) -> int:
        return len(self._codes)

    def _erase(self, card_id: UUID) -> None:
        kept = self._codes.pop(card_id)
        cards = self._cards[kept.merchant_id]
        del cards[card_id]
        if not cards:
            del self._cards[kept.merchant_id]
        kept.digits[:] = bytes(len(kept.digits))
