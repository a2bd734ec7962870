"""The load: payments, captures, cancels, refunds and transfers that arrive at a constant rate.

Arrivals do not wait for answers, as people do not. Half of all requests use a few hot wallets. Some
cold wallets are poor, so that refusals happen. Captures and refunds choose among the same recent
payments, so that some race for the same money.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from app.base import clock
from app.devkit.chaos.client import RetryingClient
from app.devkit.chaos.history import History
from app.devkit.chaos.model import CARD, Attempt, Operation, Outcome, Request

# A minute of a stalled server at the default rate; more would only use memory.
UNDER_WAY_MAX = 8_000
_TICK_S = 0.002  # timers of the event loop are not much finer
_RECENT = 200  # payments that captures and refunds choose from: few enough that they meet
_HOT_SHARE = 0.5
_CARD_SHARE = 0.7  # of the payments, where there is an acquirer
_DECLINED_SHARE = 0.1  # of those

_MAKES_A_PAYMENT = frozenset({Operation.PAYMENT, Operation.AUTHORIZATION})

_MIX: dict[Operation, int] = {
    Operation.PAYMENT: 34,
    Operation.AUTHORIZATION: 20,
    Operation.CAPTURE: 13,
    Operation.CANCEL: 4,
    Operation.REFUND: 10,
    Operation.TRANSFER: 14,
    Operation.READ: 5,
}


class Stall(msgspec.Struct, frozen=True):
    """A merchant with its key and the wallets of its customers."""

    merchant: str
    secret: str
    hot: list[str]
    cold: list[str]
    cards: dict[str, str] = {}
    """What its bank does with a card (`approved`, `declined`) -> its token.

    None without acquirer.
    """


class Pace:
    """Whether the generator sent about as many requests as it should, about in time."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        """How late the generator sent each arrival, independent of the server."""
        self.dropped = 0
        """Arrivals that found too many open requests."""


class _Shelf:
    """A merchant's recent payments, by what can be done with them."""

    def __init__(self) -> None:
        self.held: deque[str] = deque(maxlen=_RECENT)
        self.paid: deque[str] = deque(maxlen=_RECENT)
        self.asked: dict[str, str] = {}
        """Key -> payment whose outcome is unknown."""


class Intents:
    """Chooses the next request, by a seed."""

    def __init__(self, stalls: Sequence[Stall], currency: str, seed: int) -> None:
        self._stalls = stalls
        self._currency = currency
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._shelves = {stall.merchant: _Shelf() for stall in stalls}

    def next(self) -> tuple[Stall, Operation, str, dict[str, Any] | None]:
        """The next request: stall, operation, path and body (none for a read)."""
        stall = self._random.choice(self._stalls)
        (operation,) = self._random.choices(list(_MIX), list(_MIX.values()))
        shelf = self._shelves[stall.merchant]
        asked = list(shelf.asked.values())
        choices = {
            Operation.CAPTURE: shelf.held,
            Operation.CANCEL: asked or shelf.held,
            Operation.REFUND: shelf.paid,
            Operation.READ: asked or shelf.paid,
        }.get(operation)
        if choices is not None:
            if not choices:
                operation = Operation.PAYMENT
            else:
                return stall, operation, *self._on(operation, self._random.choice(choices))
        if operation is Operation.TRANSFER:
            return stall, operation, "/v1/transfers", self._transfer(stall)
        return stall, operation, "/v1/payments", self._payment(stall, operation)

    def learn(self, request: Request, answer: Attempt) -> None:
        """Note a payment that was acknowledged, or is processing; later requests may use it."""
        shelf = self._shelves[request.merchant]
        if answer.status == 202 and request.operation in _MAKES_A_PAYMENT:
            shelf.asked[request.key] = msgspec.json.decode(answer.body)["id"]
        elif answer.outcome is not Outcome.UNKNOWN:
            shelf.asked.pop(request.key, None)
        if answer.outcome is not Outcome.ACKNOWLEDGED:
            return
        if request.operation is Operation.AUTHORIZATION:
            shelf.held.append(msgspec.json.decode(answer.body)["id"])
        elif request.operation in {Operation.PAYMENT, Operation.CAPTURE}:
            shelf.paid.append(msgspec.json.decode(answer.body)["id"])

    def _on(self, operation: Operation, payment: str) -> tuple[str, dict[str, Any] | None]:
        if operation is Operation.READ:
            return f"/v1/payments/{payment}", None
        if operation is Operation.CANCEL:
            return f"/v1/payments/{payment}/cancel", {}
        amount = self._random.randint(50, 600)
        if operation is Operation.CAPTURE:
            body = {"amount": amount, "final": self._random.random() < 0.3}
            return f"/v1/payments/{payment}/capture", body
        return "/v1/refunds", {"payment": payment, "amount": amount}

    def _payment(self, stall: Stall, operation: Operation) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "amount": self._random.randint(100, 999),
            "currency": self._currency,
            "capture": "automatic" if operation is Operation.PAYMENT else "manual",
        }
        if stall.cards and self._random.random() < _CARD_SHARE:
            outcome = "declined" if self._random.random() < _DECLINED_SHARE else "approved"
            card = {"type": "card", "id": stall.cards[outcome]}
            # The checker reads there what the card's bank will answer.
            return asked | {"payment_method": card, "metadata": {CARD: outcome}}
        return asked | {"payment_method": {"type": "wallet", "account": self._wallet(stall)}}

    def _transfer(self, stall: Stall) -> dict[str, Any]:
        source = target = self._wallet(stall)
        while target == source:
            target = self._random.choice(stall.cold)
        amount = self._random.randint(1, 500)
        return {
            "currency": self._currency,
            "entries": [
                {"account": source, "direction": "debit", "amount": amount},
                {"account": target, "direction": "credit", "amount": amount},
            ],
        }

    def _wallet(self, stall: Stall) -> str:
        hot = self._random.random() < _HOT_SHARE
        return self._random.choice(stall.hot if hot else stall.cold)


class Load:
    """Requests at a constant rate, each with a client that retries until it is decided."""

    def __init__(
        self,
        client: RetryingClient,
        history: History,
        intents: Intents,
        name: Callable[[], str],
        rate_per_s: int,
    ) -> None:
        self._client = client
        self._history = history
        self._intents = intents
        self._name = name
        self._rate_per_s = rate_per_s
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._pacing: asyncio.Task[None] | None = None
        self._secrets: dict[str, str] = {}
        self.phase = ""
        """The phase that arrivals belong to."""
        self.pace = Pace()
        self.failure: BaseException | None = None
        """A bug of the generator itself; it ends the run."""

    def start(self) -> None:
        """Begin to send."""
        self._pacing = asyncio.create_task(self._arrive())

    async def stop(self) -> None:
        """Send nothing new, and wait for open requests; each has its own time limit."""
        self._stopped = True
        if self._pacing is not None:
            await self._pacing
        while self._under_way:
            await asyncio.wait(self._under_way)
        if self.failure is not None:
            raise self.failure

    async def abandon(self) -> None:
        """Drop the open requests; after `stop` there are none."""
        self._stopped = True
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def resolve(self) -> int:
        """Send all requests with an unknown outcome again, by the same keys; returns their number.

        In small groups, so as not to flood a database that has just come back.
        """
        unknown = [
            request
            for key, request in self._history.requests.items()
            if self._history.outcome(key) is Outcome.UNKNOWN
        ]
        at_once = asyncio.Semaphore(32)

        async def ask(request: Request) -> None:
            async with at_once:
                body = None if request.body is None else msgspec.json.encode(request.body)
                await self._client.resolve(request, body, self._secrets[request.merchant])

        await asyncio.gather(*(ask(request) for request in unknown))
        return len(unknown)

    async def _arrive(self) -> None:
        began_at = clock.monotonic()
        arrivals = 0
        while not self._stopped:
            now = clock.monotonic()
            while (due := began_at + arrivals / self._rate_per_s) <= now:
                arrivals += 1
                self.pace.late_s.append(now - due)
                if len(self._under_way) < UNDER_WAY_MAX:
                    self._begin(due)
                else:
                    self.pace.dropped += 1
            await asyncio.sleep(max(_TICK_S, due - clock.monotonic()))

    def _begin(self, due: float) -> None:
        stall, operation, path, body = self._intents.next()
        request = Request(
            key=self._name(),
            operation=operation,
            merchant=stall.merchant,
            path=path,
            body=body,
            phase=self.phase,
            due_at=due,
            sent_at=clock.monotonic(),
        )
        self._secrets[stall.merchant] = stall.secret
        task = asyncio.create_task(self._ask(request, stall.secret))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    async def _ask(self, request: Request, secret: str) -> None:
        self._history.add(request)
        body = None if request.body is None else msgspec.json.encode(request.body)
        await self._client.decide(request, body, secret, self._intents.learn)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()
            self._stopped = True
