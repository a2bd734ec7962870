"""The requests of a load, as bytes, and what an answer means: single payments or bulk requests.

Everything that does not change from payment to payment is laid out once; per payment three values
are joined in (idempotency key, amount, wallet). Choices come from a seeded generator, so two runs
send the same payments; keys never repeat, because a repeated key would be a replay, not work.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from app.devkit.bench.client import Endpoint, body_of
from app.devkit.bench.data import CURRENCY, BenchShop

AMOUNT_MIN, AMOUNT_MAX = 100, 999  # three digits each, so that a wallet's requests have one length
REFUSALS = frozenset({402, 409})  # a rule refused it: decided and answered, but no money moved

_ITEM = b'{"idempotency_key":"%032x","amount":%d,%b'
_CREATED_ITEM = b'"status":201'  # a payment's own status is a word, so only an item's matches
_CARD = "pm_"
_CAPTURED = b'"status":"captured"'


class PaymentCounts(NamedTuple):
    """What one answer says about the payments of its request."""

    settled: int
    refused: int
    errors: int


_SETTLED, _REFUSED, _ERROR = PaymentCounts(1, 0, 0), PaymentCounts(0, 1, 0), PaymentCounts(0, 0, 1)


class Traffic(Protocol):
    """A kind of request that a load loop can send."""

    payments_per_request: int

    def next_request(self) -> bytes:
        """The next request, whole."""

    def judge(self, status: int, raw: bytes) -> PaymentCounts:
        """Count the payments of the request by its answer (`raw` with its head)."""


class SinglePayments:
    """`POST /v1/payments`: one payment per request."""

    payments_per_request = 1

    def __init__(
        self, endpoint: Endpoint, shops: Sequence[BenchShop], *, hot_share: float, seed: int
    ) -> None:
        self._draw = _Draw(len(shops), hot_share, seed)
        self._wallets = [
            [self._lay_out(endpoint, shop, wallet) for wallet in shop.wallets] for shop in shops
        ]

    @staticmethod
    def _lay_out(endpoint: Endpoint, shop: BenchShop, wallet: str) -> tuple[bytes, bytes]:
        """A wallet's request before the key, and after the amount."""
        tail = _payment_tail(wallet)
        body_length = len(b'{"amount":%d,' % AMOUNT_MIN) + len(tail)
        head = endpoint.head("POST", "/v1/payments", shop.secret, body_length)
        return head + b"\r\nIdempotency-Key: ", tail

    def next_request(self) -> bytes:
        """One payment of a random amount from a random wallet, under a key of its own."""
        draw = self._draw
        wallets = self._wallets[draw.shop()]
        head, tail = wallets[draw.below(len(wallets))]
        return b'%b%032x\r\n\r\n{"amount":%d,%b' % (head, draw.key(), draw.amount(), tail)

    def judge(self, status: int, raw: bytes) -> PaymentCounts:
        """A payment is settled if it was created and is captured."""
        if status == 201:
            return _SETTLED if _CAPTURED in raw else _ERROR
        return _REFUSED if status in REFUSALS else _ERROR


class BulkPayments:
    """`POST /v1/payments/bulk`: many payments of one merchant per request, each with its key."""

    def __init__(
        self,
        endpoint: Endpoint,
        shops: Sequence[BenchShop],
        *,
        hot_share: float,
        seed: int,
        size: int,
    ) -> None:
        self.payments_per_request = size
        self._draw = _Draw(len(shops), hot_share, seed)
        self._wallets = [[_payment_tail(wallet) for wallet in shop.wallets] for shop in shops]
        self._heads = [self._lay_out(endpoint, shop, size) for shop in shops]

    def _lay_out(self, endpoint: Endpoint, shop: BenchShop, size: int) -> bytes:
        """A merchant's request before the body; every wallet id has the same length."""
        tail = _payment_tail(shop.wallets[0])
        item_length = len(_ITEM % (0, AMOUNT_MIN, tail))
        body_length = size * item_length + (size - 1) + len("[]")
        return endpoint.head("POST", "/v1/payments/bulk", shop.secret, body_length) + b"\r\n\r\n"

    def next_request(self) -> bytes:
        """`size` payments of one merchant's wallets."""
        draw = self._draw
        shop = draw.shop()
        wallets = self._wallets[shop]
        items = [
            _ITEM % (draw.key(), draw.amount(), wallets[draw.below(len(wallets))])
            for _ in range(self.payments_per_request)
        ]
        return b"%b[%b]" % (self._heads[shop], b",".join(items))

    def judge(self, status: int, raw: bytes) -> PaymentCounts:
        """Count the items by their own statuses; a refused request refuses or fails them all."""
        size = self.payments_per_request
        if status != 200:
            return PaymentCounts(0, size, 0) if status in REFUSALS else PaymentCounts(0, 0, size)
        if raw.count(_CREATED_ITEM) == size and raw.count(_CAPTURED) == size:
            return PaymentCounts(size, 0, 0)
        items = msgspec.json.decode(body_of(raw), type=_BulkAnswer).data
        settled = sum(item.status == 201 and item.is_captured for item in items)
        refused = sum(item.status in REFUSALS for item in items)
        return PaymentCounts(settled, refused, size - settled - refused)


class _PaymentStatus(msgspec.Struct):
    status: str


class _BulkItem(msgspec.Struct):
    status: int
    payment: _PaymentStatus | None = None

    @property
    def is_captured(self) -> bool:
        return self.payment is not None and self.payment.status == "captured"


class _BulkAnswer(msgspec.Struct):
    data: list[_BulkItem]


class _Draw:
    """The random choices of a run: repeatable ones from the seed, and keys that never repeat."""

    def __init__(self, shops: int, hot_share: float, seed: int) -> None:
        self._random = random.Random(seed).random  # noqa: S311 - repeatable on purpose
        # Seeded by the system, then cheap: keys have to be unique, not secret.
        unrepeatable = random.SystemRandom().getrandbits(128)
        self._key_bits = random.Random(unrepeatable).getrandbits  # noqa: S311
        self._shops = shops
        self._hot_share = hot_share

    def shop(self) -> int:
        """The first merchant for `hot_share` of the payments, any for the rest."""
        if self._random() < self._hot_share:
            return 0
        return int(self._random() * self._shops)

    def below(self, limit: int) -> int:
        """An index below `limit`; three times as fast as `randrange`."""
        return int(self._random() * limit)

    def amount(self) -> int:
        """Minor units."""
        return AMOUNT_MIN + int(self._random() * (AMOUNT_MAX - AMOUNT_MIN + 1))

    def key(self) -> int:
        """The number behind an idempotency key.

        Random like clients' UUIDs: ascending keys would all meet on one page of the key's index.
        """
        return self._key_bits(128)


def _payment_tail(source: str) -> bytes:
    """A request after its amount; the source's prefix says whether it is a card."""
    kind = '"card","id"' if source.startswith(_CARD) else '"wallet","account"'
    method = f'"payment_method":{{"type":{kind}:"{source}"}}'
    return f'"currency":"{CURRENCY}",{method},"capture":"automatic"}}'.encode()
