"""A model of a whole merchant in memory: what must come out, written down a second time.

What becomes of a payment is in the model that chaos uses too; here are its commands, its wallets
and its answers. Commands happen one after the other, each as a whole. Whatever the product does at
the same time, in batches or again, must look like some run of this.
"""

from dataclasses import dataclass, field

from app.devkit.wallet_model import Fees, ModelPayment, Refused


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


class Payment(ModelPayment, frozen=True, kw_only=True):
    wallet: int
    currency: str

    def told(self, status: int) -> Outcome:
        return Outcome(
            status, None, self.status, self.captured, self.refunded, self.fee, self.amount
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
        return sum(p.left for p in self.payments.values() if p.currency == currency)

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
        before = self.payments.get(command.payment)
        if before is None:
            return Outcome(404, "payment_not_found")
        try:
            after = self._after(before, command)
        except Refused as refused:
            return Outcome(409, refused.code)
        self._book(command.payment, before, after)
        if isinstance(command, Refund):
            return Outcome(201, amount=after.refunded - before.refunded)
        return after.told(200)

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
        payment = Payment(
            wallet=command.wallet,
            currency=command.currency,
            amount=command.amount,
            left=command.amount,
            status="authorized",
        )
        wallet.held += command.amount
        after = payment if command.manual else payment.capture(None, self._terms, final=True)
        self._book(number, payment, after)
        return after.told(201)

    @property
    def _terms(self) -> Fees:
        return Fees(self.fee_bps, self.fee_fixed)

    def _after(self, before: Payment, command: Capture | Cancel | Refund) -> Payment:
        if isinstance(command, Capture):
            return before.capture(command.amount, self._terms, final=command.final)
        if isinstance(command, Cancel):
            return before.cancel()
        return before.refund(command.amount)

    def _book(self, number: int, before: Payment, after: Payment) -> None:
        """Move what a payment has become other than it was."""
        taken, fee = after.captured - before.captured, after.fee - before.fee
        returned = after.refunded - before.refunded
        wallet = self.wallets[after.wallet]
        wallet.held -= before.left - after.left
        wallet.posted += returned - taken
        _add(self.earned, after.currency, taken - fee - returned)
        _add(self.fees, after.currency, fee)
        self.payments[number] = after


def _add(sums: dict[str, int], currency: str, amount: int) -> None:
    sums[currency] = sums.get(currency, 0) + amount
