"""The rules for payments from wallets, written a second time.

Chaos and the tests compare with them.

They were written from the description of the API, without the product's code, so that the same
mistake would have to be made twice. There is no database, no batch and no retry here. Pure.
"""

from fractions import Fraction
from typing import Self

import msgspec

_OPEN = {"authorized", "partially_captured", "held"}


class Refused(Exception):
    """The state does not allow the command; the code is the API's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Fees(msgspec.Struct, frozen=True):
    """What a merchant pays."""

    bps: int
    fixed_minor: int

    def of(self, captured: int) -> int:
        """The fee for all that was captured of a payment, and never more than that.

        In minor units.
        """
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
        """Capture an amount of what is held, or all; if `final`, the rest is released.

        Raises:
            Refused: nothing is held, or less than the amount.
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
            # The fee counts all that was captured so far, and is paid out of this capture.
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
        """Refund an amount of what was captured, or all.

        Raises:
            Refused: nothing was captured, or less than the amount is left.
        """
        if self.captured == 0:
            raise Refused("payment_not_refundable")
        left = self.captured - self.refunded
        amount = left if amount is None else amount
        if amount > left or left == 0:
            raise Refused("refund_exceeds_capture")
        return msgspec.structs.replace(self, refunded=self.refunded + amount)
