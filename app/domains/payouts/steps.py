"""The atomic steps of payouts that clients ask for: many commands in, one answer per command out.

Each reads claim, load, decide, write. Rows are locked in one order everywhere: flows, payouts,
accounts, each in id order.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.base.modes import Mode
from app.base.settings import Settings
from app.domains import ledger, merchants
from app.domains.payouts import decisions, model, store
from app.domains.payouts.asks import recall_payout, send_payout
from app.domains.payouts.batch import PayoutBatch, payout_fact
from app.domains.payouts.commands import (
    AddBankAccount,
    ApprovePayout,
    CancelPayout,
    OpenPayout,
    PayAfterAll,
    ReopenPayout,
    ReturnPayout,
)
from app.domains.payouts.decisions import Cancel
from app.domains.payouts.errors import (
    BankAccountNotFound,
    NoBankOfMode,
    PayoutNotEnded,
    PayoutNotFound,
    PayoutUndecided,
)
from app.domains.payouts.model import (
    BankAccount,
    Payout,
    PayoutChange,
    Recall,
)
from app.domains.payouts.views import bank_account_text, payout_text
from app.engine import events, idempotency
from app.engine.database import Tx, step
from app.engine.events import Fact
from app.engine.idempotency import Answer, refusal
from app.engine.saga import Flow, end, go_on, insert_flows, new_flow, wait

FOR_THE_FILE = "waits for the day's file"


@step
async def add_bank_accounts(tx: Tx, commands: Sequence[AddBankAccount]) -> list[Answer]:
    """Record bank accounts; each answers 201 and appends `bank_account.created`."""
    claims = await idempotency.claim(tx, commands)
    now = tx.now
    accounts = [
        BankAccount(
            merchant_id=command.merchant_id,
            id=command.bank_account_id,
            iban=command.iban,
            name=command.name,
            metadata=command.metadata,
            version=1,
            correlation_id=command.correlation_id,
            created_at=now,
        )
        for command in claims.fresh
    ]
    texts = [bank_account_text(account) for account in accounts]
    # After this line only writes: nothing can be refused.
    store.insert_bank_accounts(tx, commands[0].region, accounts)
    facts = [
        Fact(a.merchant_id, "bank_account.created", a.id, 1, text, a.correlation_id, now)
        for a, text in zip(accounts, texts, strict=True)
    ]
    events.append(tx, commands[0].region, facts)
    return idempotency.keep(tx, claims, [Answer(201, text) for text in texts])


@step
async def open_payouts(tx: Tx, commands: Sequence[OpenPayout]) -> list[Answer]:
    """Take payouts from what is available; each answers 201 and appends `payout.created`.

    The answer is final: what the bank makes of it comes later. A payout above its limit waits for
    another key; the others' flows begin, and those that go by file wait for it.

    Refusals, the first that applies: NoBankOfMode, BankAccountNotFound, AccountOutsideSepa,
    NothingToPayOut, InsufficientFunds, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    region, fresh = commands[0].region, claims.fresh
    banks = await store.load_bank_accounts(
        tx, region, claims.moving, {(c.merchant_id, c.bank_account_id) for c in fresh}
    )
    test = await merchants.list_test_merchants(tx, {c.merchant_id for c in fresh})
    plans = await store.load_plans(tx, {(c.merchant_id, c.currency) for c in fresh})
    charts = {decisions.available_account(c.merchant_id, c.currency) for c in fresh}
    charts |= {decisions.transit_account(c.merchant_id, c.currency) for c in fresh}
    book = await ledger.open_book(tx, region, (), charts, claims.moving)
    answers: list[Answer] = []
    made: list[Payout] = []
    flows: list[Flow] = []
    facts: list[Fact] = []
    for command in fresh:
        account = banks.get((command.merchant_id, command.bank_account_id))
        mode: Mode = "test" if command.merchant_id in test else "live"
        unreached = _refuse_bank(command, account, mode, tx.settings)
        if unreached is not None:
            answers.append(refusal(unreached, command.correlation_id))
            continue
        plan = plans.get((command.merchant_id, command.currency))
        payout = decisions.decide_open(
            book,
            command,
            limit_minor=_limit(tx, command.currency, plan),
            channel=decisions.channel_of(command.currency, tx.settings),
            transfer_id=ids.new(),
        )
        if isinstance(payout, PlatformError):
            answers.append(refusal(payout, command.correlation_id))
            continue
        made.append(payout)
        facts.append(payout_fact(payout, "created", command.correlation_id))
        flow = _begin(tx, command, payout) if payout.status == "pending" else None
        flows += [flow] if flow else []
        answers.append(Answer(201, payout_text(payout), flow=_at_once(payout, flow)))
    # After this line only writes.
    ledger.write_book(tx, region, book)
    store.insert_payouts(tx, region, made)
    insert_flows(tx, region, flows)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


def _refuse_bank(
    command: OpenPayout, account: BankAccount | None, mode: Mode, settings: Settings
) -> PlatformError | None:
    """Why no order can go to this bank account, whatever its amount."""
    if mode != settings.acquirer_mode:
        return NoBankOfMode(mode=mode)
    if account is None:
        name = ids.encode("bank_account", command.bank_account_id)
        return BankAccountNotFound(bank_account=name)
    return decisions.decide_reach(account, decisions.channel_of(command.currency, settings))


@step
async def approve_payouts(tx: Tx, commands: Sequence[ApprovePayout]) -> list[Answer]:
    """Let payouts above the limit go; each answers 200 and appends `payout.approved`.

    Refusals, the first that applies: PayoutNotFound, PayoutNotApprovable, ApprovalBySameKey.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    keys = {(c.merchant_id, c.payout_id) for c in claims.fresh}
    payouts = await store.lock_payouts(tx, region, claims.moving, keys)
    now = tx.now
    answers: list[Answer] = []
    changed: list[Payout] = []
    flows: list[Flow] = []
    facts: list[Fact] = []
    for command in claims.fresh:
        payout = payouts.get((command.merchant_id, command.payout_id))
        error = (
            _not_found(command)
            if payout is None
            else decisions.decide_approval(payout, command.key_id)
        )
        if error is not None or payout is None:
            answers.append(refusal(error or _not_found(command), command.correlation_id))
            continue
        payout.status = "pending"
        payout.approved_by = command.key_id
        payout.version += 1
        payout.updated_at = now
        changed.append(payout)
        facts.append(payout_fact(payout, "approved", command.correlation_id))
        flow = _begin(tx, command, payout)
        flows.append(flow)
        answers.append(Answer(200, payout_text(payout), flow=_at_once(payout, flow)))
    # After this line only writes.
    store.update_payouts(tx, region, changed)
    insert_flows(tx, region, flows)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


@step
async def cancel_payouts(tx: Tx, commands: Sequence[CancelPayout]) -> list[Answer]:
    """Stop payouts that the bank has not executed.

    What the bank surely has nothing of is canceled at once: answered 200, with `payout.canceled`.
    Of what it has it is asked, and decides: answered 202 until it has. While nobody knows whether
    it has a payout, its flow is waited for.

    Refusals, the first that applies: PayoutNotFound, PayoutNotCancelable.
    """
    claims = await idempotency.claim(tx, commands)
    keys = {(c.merchant_id, c.payout_id) for c in claims.fresh}
    batch = await PayoutBatch.load(tx, commands[0].region, claims.moving, keys)
    answers: list[Answer] = []
    for command in claims.fresh:
        payout = batch.payouts.get(command.payout_id)
        how = _not_found(command) if payout is None else decisions.decide_cancel(payout)
        if isinstance(how, PlatformError) or payout is None:
            assert isinstance(how, PlatformError)
            answers.append(refusal(how, command.correlation_id))
        elif how is Cancel.NOW:
            answers.append(_cancel_now(batch, command, payout))
        else:
            answers.append(_cancel_there(tx, batch, command, payout, how))
    # After this line only writes.
    batch.write(tx)
    return idempotency.keep(tx, claims, answers)


def _cancel_now(batch: PayoutBatch, command: CancelPayout, payout: Payout) -> Answer:
    refused = batch.settle(payout, PayoutChange.CANCEL, None, command.correlation_id)
    if refused is not None:
        return refusal(refused, command.correlation_id)
    flow = batch.flows.get(payout.id)
    if flow is not None:
        end(flow, payout.updated_at, "canceled before the bank had it")
        batch.move(flow)
    return Answer(200, payout_text(payout))


def _cancel_there(
    tx: Tx, batch: PayoutBatch, command: CancelPayout, payout: Payout, how: Cancel
) -> Answer:
    """Begin to ask the bank, or wait for those who find out what it has."""
    flow = batch.flows.get(payout.id)
    if flow is None or how is Cancel.WAIT or _is_busy(flow, tx.now):
        problem = refusal(PayoutUndecided(payout=payout.name), command.correlation_id)
        return msgspec.structs.replace(problem, waits_for=payout.id)
    key = command.intent.id if command.intent is not None else None
    flow.data = Recall(key, command.correlation_id).to_data()
    flow.status = "running"
    now = tx.now
    go_on(flow, now, recall_payout, "asks the bank to stop it")
    # The request that asks for it drives it.
    flow.lease_until = now + timedelta(milliseconds=tx.settings.saga_lease_ms)
    flow.next_attempt_at = flow.lease_until
    flow.former_region = command.former_region
    batch.move(flow)
    return Answer(202, payout_text(payout), flow=flow)


@step
async def return_payouts(tx: Tx, commands: Sequence[ReturnPayout]) -> list[Answer]:
    """Give back what came back from banks after it was paid; appends `payout.returned`.

    Each answers 200 with the payout as it is then, whoever has booked its return.

    Refusals, the first that applies: PayoutNotFound, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    keys = {(c.merchant_id, c.payout_id) for c in claims.fresh}
    batch = await PayoutBatch.load(tx, commands[0].region, claims.moving, keys)
    answers: list[Answer] = []
    for command in claims.fresh:
        payout = batch.payouts.get(command.payout_id)
        if payout is None:
            answers.append(refusal(_not_found(command), command.correlation_id))
            continue
        refused = None
        if payout.status == "paid":
            refused = batch.settle(payout, PayoutChange.RETURN, None, command.correlation_id)
        answers.append(
            Answer(200, payout_text(payout))
            if refused is None
            else refusal(refused, command.correlation_id)
        )
    # After this line only writes.
    batch.write(tx)
    return idempotency.keep(tx, claims, answers)


@step
async def reopen_payouts(tx: Tx, commands: Sequence[ReopenPayout]) -> list[Answer]:
    """Have the flows of payouts that have ended here unpaid ask the bank once more.

    Each answers 200 with the payout; of one that is not like that nothing changes.

    Refusal: PayoutNotFound.
    """
    claims = await idempotency.claim(tx, commands)
    keys = {(c.merchant_id, c.payout_id) for c in claims.fresh}
    batch = await PayoutBatch.load(tx, commands[0].region, claims.moving, keys)
    now = tx.now
    answers: list[Answer] = []
    for command in claims.fresh:
        payout = batch.payouts.get(command.payout_id)
        if payout is None:
            answers.append(refusal(_not_found(command), command.correlation_id))
            continue
        flow = batch.flows.get(payout.id)
        # Without a flow it was canceled before anybody could give it to the bank.
        if flow is not None and flow.status == "done" and payout.ended_unpaid:
            flow.status, flow.attempts, flow.recovery_point = "running", 0, send_payout.name
            wait(flow, now, now, f"it is {payout.status} here, and the bank is asked")
            batch.move(flow)
        answers.append(Answer(200, payout_text(payout)))
    # After this line only writes.
    batch.write(tx)
    return idempotency.keep(tx, claims, answers)


@step
async def pay_after_all(tx: Tx, commands: Sequence[PayAfterAll]) -> list[Answer]:
    """Book payouts that have ended here as paid, from what is available; appends `payout.paid`.

    Each answers 200 with the payout, and its flow ends.

    Refusals, the first that applies: PayoutNotFound, PayoutNotEnded, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    keys = {(c.merchant_id, c.payout_id) for c in claims.fresh}
    batch = await PayoutBatch.load(tx, commands[0].region, claims.moving, keys)
    answers: list[Answer] = []
    for command in claims.fresh:
        payout = batch.payouts.get(command.payout_id)
        refused: PlatformError | None = _not_found(command)
        if payout is not None:
            refused = PayoutNotEnded(payout=payout.name, status=payout.status)
            if payout.ended_unpaid:
                refused = batch.settle(payout, PayoutChange.PAY, None, command.correlation_id)
        if refused is not None or payout is None:
            answers.append(refusal(refused or _not_found(command), command.correlation_id))
            continue
        flow = batch.flows.get(payout.id)
        if flow is not None:
            end(flow, payout.updated_at, "paid after all")
            batch.move(flow)
        answers.append(Answer(200, payout_text(payout)))
    # After this line only writes.
    batch.write(tx)
    return idempotency.keep(tx, claims, answers)


def _begin(tx: Tx, command: OpenPayout | ApprovePayout, payout: Payout) -> Flow:
    """The flow that brings a payout to the bank; one that goes by file waits for it."""
    flow = new_flow(
        tx,
        command,
        send_payout,
        flow_id=payout.id,
        object_id=payout.id,
        leased=payout.channel == "single",
    )
    if payout.channel == "file":
        now = tx.now
        wait(flow, now, now + timedelta(milliseconds=tx.settings.payout_check_ms), FOR_THE_FILE)
    return flow


def _at_once(payout: Payout, flow: Flow | None) -> Flow | None:
    """The flow, if the process that began it is to go on with it."""
    return flow if payout.channel == "single" else None


def _is_busy(flow: Flow, now: datetime) -> bool:
    """Whether a process works on it, or it waits for the bank's word on another cancellation."""
    is_leased = flow.lease_until is not None and flow.lease_until > now
    return is_leased or flow.recovery_point == recall_payout.name


def _limit(tx: Tx, currency: str, plan: model.PayoutPlan | None) -> int:
    if plan is not None and plan.approval_minor is not None:
        return plan.approval_minor
    return decisions.approval_limit(currency, tx.settings.payout_approval_minor)


def _not_found(
    command: ApprovePayout | CancelPayout | ReturnPayout | ReopenPayout | PayAfterAll,
) -> PayoutNotFound:
    return PayoutNotFound(payout=ids.encode("payout", command.payout_id))
