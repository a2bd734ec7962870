"""What payments from wallets become, written down a second time: chaos and the tests judge by it.

Written from the description of the API and not from the product's decisions, and without any of its
code, so that both being wrong in the same way takes two mistakes. There is no database, no batch
and no retry here. Pure.
"""

from fractions import Fraction
from typing import Self

import msgspec

_OPEN = {"authorized", "partially_captured", "held"}


class Refused(Exception):
    """The state does not allow what was asked; the code is the API's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Fees(msgspec.Struct, frozen=True):
    """What a merchant pays."""

    bps: int
    fixed_minor: int

    def of(self, captured: int) -> int:
        """For all that was captured of a payment, and never more than that; in minor units."""
        whole = round(Fraction(captured * self.bps, 10_000)) + self.fixed_minor  # half to even
        return min(captured, whole)


class ModelPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment after some command; amounts in minor units."""

    amount: int
    captured: int = 0
    refunded: int = 0
    fee: int = 0
    left: int
    """Still held."""
    status: str

    @property
    def is_open(self) -> bool:
        """Whether something is held that may be captured."""
        return self.status in _OPEN

    def capture(self, amount: int | None, fees: Fees, *, final: bool) -> Self:
        """Take an amount, or all, of what is held; the rest is released if this is `final`.

        Raises:
            Refused: nothing is held, or less.
        """
        if not self.is_open:
            raise Refused("payment_not_capturable")
        amount = self.left if amount is None else amount
        if amount > self.left:
            raise Refused("capture_exceeds_hold")
        captured = self.captured + amount
        ends = final or amount == self.left
        return msgspec.structs.replace(
            self,
            captured=captured,
            # Fees are counted on all that was captured so far, and are paid out of this capture.
            fee=self.fee + min(amount, fees.of(captured) - self.fee),
            left=0 if ends else self.left - amount,
            status="captured" if ends else "partially_captured",
        )

    def cancel(self) -> Self:
        """Release what is held.

        Raises:
            Refused: nothing is.
        """
        if not self.is_open:
            raise Refused("payment_not_cancelable")
        status = "captured" if self.captured else "canceled"
        return msgspec.structs.replace(self, left=0, status=status)

    def refund(self, amount: int | None) -> Self:
        """Give an amount, or all, of what was captured back.

        Raises:
            Refused: nothing was captured, or less is left of it.
        """
        if self.captured == 0:
            raise Refused("payment_not_refundable")
        left = self.captured - self.refunded
        amount = left if amount is None else amount
        if amount > left or left == 0:
            raise Refused("refund_exceeds_capture")
        return msgspec.structs.replace(self, refunded=self.refunded + amount)
