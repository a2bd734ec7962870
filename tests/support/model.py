"""A model of the whole product in memory: what must come out, written down a second time.

It shares no code with `app`. There is no database, no batch and no retry here: commands happen one
after the other, each as a whole. Whatever the product does at the same time, in batches or again,
must look like some run of this.
"""

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Deposit:
    wallet: int
    amount: int
    currency: str


@dataclass(frozen=True)
class Move:
    source: int
    target: int
    amount: int
    received: int
    """What the target gets; another amount does not balance."""
    currency: str


@dataclass(frozen=True)
class Open:
    wallet: int
    amount: int
    currency: str
    manual: bool


@dataclass(frozen=True)
class Capture:
    payment: int
    amount: int | None
    final: bool


@dataclass(frozen=True)
class Cancel:
    payment: int


@dataclass(frozen=True)
class Refund:
    payment: int
    amount: int | None


Command = Deposit | Move | Open | Capture | Cancel | Refund


@dataclass(frozen=True)
class Outcome:
    """What a client is told: the status, the refusal's code, and how far a payment has come."""

    status: int
    code: str | None = None
    state: str | None = None
    captured: int = 0
    refunded: int = 0
    fee: int = 0
    amount: int = 0


@dataclass
class Wallet:
    currency: str
    posted: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        return self.posted - self.held


@dataclass
class Payment:
    wallet: int
    amount: int
    currency: str
    state: str
    captured: int = 0
    refunded: int = 0
    fee: int = 0

    @property
    def held(self) -> int:
        is_open = self.state in {"authorized", "partially_captured"}
        return self.amount - self.captured if is_open else 0

    def told(self, status: int) -> Outcome:
        return Outcome(
            status, None, self.state, self.captured, self.refunded, self.fee, self.amount
        )


@dataclass
class Model:
    """One merchant with some wallets. Payments are known by the number of their making."""

    wallets: list[Wallet]
    fee_bps: int
    fee_fixed: int
    payments: dict[int, Payment] = field(default_factory=dict)
    answered: dict[str, tuple[Command, Outcome]] = field(default_factory=dict)
    earned: dict[str, int] = field(default_factory=dict)
    """What the merchant has available, by currency; it may owe after refunds."""
    fees: dict[str, int] = field(default_factory=dict)
    deposited: dict[str, int] = field(default_factory=dict)

    def do(self, key: str, command: Command, number: int) -> tuple[Outcome, bool]:
        """The outcome, and whether it is a repeated answer; `number` names a new payment."""
        if key in self.answered:
            earlier, outcome = self.answered[key]
            if earlier == command:
                return outcome, True
            return Outcome(422, "idempotency_key_reused"), False
        outcome = self._do(command, number)
        self.answered[key] = (command, outcome)
        return outcome, False

    def held_for_merchant(self, currency: str) -> int:
        return sum(p.held for p in self.payments.values() if p.currency == currency)

    def assert_conserved(self) -> None:
        """What came in is in wallets, with the merchant, or taken as fees; nothing else."""
        for currency in {wallet.currency for wallet in self.wallets}:
            inside = sum(w.posted for w in self.wallets if w.currency == currency)
            inside += self.earned.get(currency, 0) + self.fees.get(currency, 0)
            assert inside == self.deposited.get(currency, 0)

    def _do(self, command: Command, number: int) -> Outcome:
        if isinstance(command, Deposit):
            return self._deposit(command)
        if isinstance(command, Move):
            return self._move(command)
        if isinstance(command, Open):
            return self._open(command, number)
        payment = self.payments.get(command.payment)
        if payment is None:
            return Outcome(404, "payment_not_found")
        if isinstance(command, Capture):
            return self._capture(payment, command)
        if isinstance(command, Cancel):
            return self._cancel(payment)
        return self._refund(payment, command)

    def _deposit(self, command: Deposit) -> Outcome:
        wallet = self.wallets[command.wallet]
        if wallet.currency != command.currency:
            return Outcome(409, "currency_mismatch")
        wallet.posted += command.amount
        _add(self.deposited, command.currency, command.amount)
        return Outcome(201)

    def _move(self, command: Move) -> Outcome:
        if command.amount != command.received:
            return Outcome(409, "transfer_unbalanced")
        if command.source == command.target:
            return Outcome(409, "accounts_must_differ")
        source, target = self.wallets[command.source], self.wallets[command.target]
        if command.currency not in {source.currency} & {target.currency}:
            return Outcome(409, "currency_mismatch")
        if command.amount > source.available:
            return Outcome(402, "insufficient_funds")
        source.posted -= command.amount
        target.posted += command.amount
        return Outcome(201)

    def _open(self, command: Open, number: int) -> Outcome:
        wallet = self.wallets[command.wallet]
        if wallet.currency != command.currency:
            return Outcome(409, "currency_mismatch")
        if command.amount > wallet.available:
            return Outcome(402, "insufficient_funds")
        payment = Payment(command.wallet, command.amount, command.currency, "authorized")
        self.payments[number] = payment
        wallet.held += command.amount
        if not command.manual:
            self._take(payment, command.amount, final=True)
        return payment.told(201)

    def _capture(self, payment: Payment, command: Capture) -> Outcome:
        if payment.held == 0:
            return Outcome(409, "payment_not_capturable")
        amount = payment.held if command.amount is None else command.amount
        if amount > payment.held:
            return Outcome(409, "capture_exceeds_hold")
        self._take(payment, amount, final=command.final)
        return payment.told(200)

    def _take(self, payment: Payment, amount: int, *, final: bool) -> None:
        """Post a part of what is held; fees are counted on all that was captured so far."""
        before = payment.held
        captured = payment.captured + amount
        whole = round(Fraction(captured * self.fee_bps, 10_000)) + self.fee_fixed
        fee = min(amount, min(captured, whole) - payment.fee)
        ends = final or amount == before
        payment.captured, payment.fee = captured, payment.fee + fee
        payment.state = "captured" if ends else "partially_captured"
        wallet = self.wallets[payment.wallet]
        wallet.held -= before - payment.held
        wallet.posted -= amount
        _add(self.earned, payment.currency, amount - fee)
        _add(self.fees, payment.currency, fee)

    def _cancel(self, payment: Payment) -> Outcome:
        if payment.held == 0:
            return Outcome(409, "payment_not_cancelable")
        self.wallets[payment.wallet].held -= payment.held
        payment.state = "captured" if payment.captured else "canceled"
        return payment.told(200)

    def _refund(self, payment: Payment, command: Refund) -> Outcome:
        if payment.captured == 0:
            return Outcome(409, "payment_not_refundable")
        left = payment.captured - payment.refunded
        amount = left if command.amount is None else command.amount
        if amount > left or left == 0:
            return Outcome(409, "refund_exceeds_capture")
        payment.refunded += amount
        self.wallets[payment.wallet].posted += amount
        _add(self.earned, payment.currency, -amount)
        return Outcome(201, amount=amount)


def _add(sums: dict[str, int], currency: str, amount: int) -> None:
    sums[currency] = sums.get(currency, 0) + amount
