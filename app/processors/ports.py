"""The ports of a processor: cards, banks, disputes. A processor offers some of them.

A call never raises for what happens outside: that is a verdict. An operation whose name begins with
`find_` is a query: it changes nothing, and its verdict is never `not_executed`, because a query
that could not be sent says nothing about the request that it asks about (the guard ensures this).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from app.base.modes import Mode
from app.processors.model import (
    AskAuthorization,
    AskBankTransfer,
    AskCapture,
    AskPayout,
    AskRefund,
    AskReversal,
    DisputeState,
    FileState,
    Notification,
    Verdict,
)

ReadNotification: TypeAlias = Callable[[Mapping[str, str], bytes], Notification]
"""(headers, body) -> a notification whose signature is right, or a `SignatureInvalid`."""


class Cards(Protocol):
    """Card payments, and what is done to them later."""

    async def authorize(self, ask: AskAuthorization) -> Verdict: ...
    async def find_authorization(self, ask: AskAuthorization) -> Verdict: ...
    async def capture(self, ask: AskCapture) -> Verdict: ...
    async def find_capture(self, ask: AskCapture) -> Verdict: ...
    async def reverse(self, ask: AskReversal) -> Verdict: ...
    async def refund(self, ask: AskRefund) -> Verdict: ...
    async def find_refund(self, ask: AskRefund) -> Verdict: ...


class Banks(Protocol):
    """Bank transfers that come in, payouts that go out."""

    async def expect_transfer(self, ask: AskBankTransfer) -> Verdict: ...
    async def find_transfer(self, ask: AskBankTransfer) -> Verdict: ...
    async def pay_out(self, ask: AskPayout) -> Verdict: ...
    async def find_payout(self, ask: AskPayout) -> Verdict: ...

    async def cancel_payout(self, ask: AskPayout) -> Verdict:
        """Stop a payout: approved where it will not be paid, declined where it is too late."""
        ...

    async def submit_file(self, content: str) -> FileState | Verdict:
        """Send a file (pain.001) to the bank, which takes it once under its message id.

        A file that may have arrived is sent again, and gets the same answer.
        """
        ...


class Disputes(Protocol):
    """Captured payments that a payer's bank contests."""

    async def find_dispute(self, dispute_id: str) -> DisputeState | Verdict: ...
    async def submit_evidence(self, dispute_id: str, evidence: str, reference: str) -> Verdict: ...

    async def accept_dispute(self, dispute_id: str, reference: str) -> Verdict:
        """Accept it: approved if the dispute is lost now, declined if it was decided before."""
        ...


def _takes_all(amount_minor: int, currency: str) -> bool:
    del amount_minor, currency
    return True


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor: its name, the ports it offers, and its notifications."""

    name: str
    read_notification: ReadNotification
    mode: Mode = "test"
    """Whose payments it gets: those of test merchants, or those of live ones. Never both."""
    cards: Cards | None = None
    banks: Banks | None = None
    disputes: Disputes | None = None
    takes: Callable[[int, str], bool] = _takes_all
    """(amount in minor units, currency) -> whether its cards have such an amount."""
