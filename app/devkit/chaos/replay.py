"""The ledger replayed, one request at a time. Pure.

Every account numbers its entries, so the transfers of a run have an order that all accounts agree
on; where they do not, that is the finding. In this order a model that knows only the requests does
each transfer again. It must move the same money, leave the same balances and explain every answer,
including refusals and reads.
"""

from collections import defaultdict
from collections.abc import Iterator

from app.devkit.chaos.history import History
from app.devkit.chaos.ledger import Clerk, Impossible, agree, is_card
from app.devkit.chaos.model import (
    CARD,
    Anomaly,
    Attempt,
    Books,
    FinalEntry,
    FinalTransfer,
    Operation,
    Outcome,
    Request,
    Wrong,
)
from app.devkit.chaos.order import Timeline, contradictions, serial_order

_PAYMENTS = frozenset({Operation.PAYMENT, Operation.AUTHORIZATION})
_SIDES = {"debit": (0, 2), "credit": (1, 3)}


def check(history: History, books: Books) -> list[Anomaly]:
    """Report what a replay of the entries, and then of the requests, finds wrong."""
    entries = _entries_by_account(books)
    findings = [*_check_sums(books, entries), *_check_times(history, books, entries)]
    order, cycle = serial_order(entries)
    if cycle:
        findings.append(
            Anomaly(Wrong.ORDER, cycle[0], f"accounts disagree on the order of {', '.join(cycle)}")
        )
        return findings
    findings += _replay(history, books, order, entries)
    return findings


def _entries_by_account(books: Books) -> dict[str, list[FinalEntry]]:
    """Each account's entries, in version order."""
    found: dict[str, list[FinalEntry]] = defaultdict(list)
    for entry in books.entries:
        found[entry.account].append(entry)
    for entries in found.values():
        entries.sort(key=lambda entry: entry.version)
    return found


def _check_sums(books: Books, entries: dict[str, list[FinalEntry]]) -> Iterator[Anomaly]:
    """Check each account: no version missing, each sum the one before plus the entry."""
    for account in books.accounts:
        sums = [0, 0, 0, 0]
        version = 0
        for entry in entries.get(account.id, ()):
            version += 1
            posted, pending = _SIDES[entry.direction]
            sums[posted] += entry.posted
            sums[pending] += entry.pending
            if entry.version != version:
                yield Anomaly(
                    Wrong.ORDER,
                    account.id,
                    f"version {entry.version} stands where {version} is due",
                )
                version = entry.version
            if entry.sums != tuple(sums):
                yield Anomaly(
                    Wrong.BALANCE,
                    account.id,
                    f"after version {version} the sums are {entry.sums}, replayed {tuple(sums)}",
                )
                sums = list(entry.sums)
            if account.kind == "customer_wallet" and sums[1] - sums[0] - sums[2] < 0:
                yield Anomaly(
                    Wrong.BALANCE, account.id, f"overdrawn after version {version}: {tuple(sums)}"
                )
        if (account.version, account.sums) != (version, tuple(sums)):
            yield Anomaly(
                Wrong.BALANCE,
                account.id,
                f"the account says {account.sums} at version {account.version}, "
                f"its entries give {tuple(sums)} at version {version}",
            )


def _check_times(
    history: History, books: Books, entries: dict[str, list[FinalEntry]]
) -> Iterator[Anomaly]:
    """A request that was answered before another was sent comes first on every account of both."""
    keys = {transfer.id: transfer.correlation_id for transfer in books.transfers}
    for account, rows in entries.items():
        timeline = [keys[row.transfer] for row in rows if row.transfer in keys]
        for earlier, later in contradictions(history, timeline):
            yield Anomaly(
                Wrong.ORDER,
                account,
                f"{later} was answered before {earlier} was sent, and is booked after it",
            )


def _replay(
    history: History, books: Books, order: list[str], entries: dict[str, list[FinalEntry]]
) -> Iterator[Anomaly]:
    """Apply every transfer again, and compare every answer with the model's state at that point."""
    run = history.run
    assert run is not None
    transfers = {transfer.id: transfer for transfer in books.transfers}
    lines: dict[str, list[FinalEntry]] = defaultdict(list)
    for rows in entries.values():
        for row in rows:
            lines[row.transfer].append(row)
    for recorded in books.transfers:
        if recorded.id not in lines:
            # It is recorded and has moved nothing, so it is not in any account's order.
            yield Anomaly(Wrong.LOST, recorded.correlation_id, f"{recorded.id} has no entries")
    clerk = Clerk(run.shops, books.accounts)
    for transfer_id in order:
        transfer = transfers.get(transfer_id)
        if transfer is None or transfer.correlation_id not in history.requests:
            continue  # already reported, as unasked
        yield from _do(history, clerk, transfer, lines[transfer_id])
    yield from _check_payments(books, clerk)
    yield from _check_refusals_and_reads(history, clerk)


def _do(
    history: History, clerk: Clerk, transfer: FinalTransfer, lines: list[FinalEntry]
) -> Iterator[Anomaly]:
    key = transfer.correlation_id
    request = history.requests[key]
    try:
        expected = clerk.do(request, transfer)
    except Impossible as why:
        yield Anomaly(Wrong.STALE, key, f"{request.operation} was done, and {why}")
        return
    moved = {line.account: (line.direction, line.posted, line.pending) for line in lines}
    if moved != expected:
        yield Anomaly(Wrong.CONTENT, key, f"{moved} was moved, replayed {expected}")
    decision = history.decision(key)
    if decision is None or decision.outcome is not Outcome.ACKNOWLEDGED:
        return
    difference = clerk.differs_from(request, transfer, decision.body)
    if difference:
        yield Anomaly(Wrong.STALE, key, difference)


def _check_payments(books: Books, clerk: Clerk) -> Iterator[Anomaly]:
    for row in books.payments:
        payment = clerk.payments.get(row.id)
        if payment is None:
            continue  # its transfer is missing: already reported, as lost, or by `suya verify`
        told = (row.status, row.captured, row.refunded, row.fee)
        replayed = (payment.status, payment.captured, payment.refunded, payment.fee)
        if not agree(told, payment):
            yield Anomaly(Wrong.CONTENT, row.id, f"the payment is {told}, replayed {replayed}")


def _check_refusals_and_reads(history: History, clerk: Clerk) -> Iterator[Anomaly]:
    """Check that each refusal or read was right at some instant while it was open."""
    timelines = {name: Timeline(history, events) for name, events in clerk.events.items()}
    for key, request in history.requests.items():
        decision = history.decision(key)
        if decision is None:
            continue
        if request.operation is Operation.READ:
            if decision.outcome is Outcome.REFUSED:
                yield Anomaly(Wrong.STALE, key, f"{request.path} was answered {decision.body}")
                continue
        elif decision.outcome is not Outcome.REFUSED:
            continue
        if request.operation in _PAYMENTS and is_card(request):
            yield from _check_decline(request, decision)
            continue
        subject = clerk.subject_of(request)
        timeline = timelines.get(subject)
        states = [] if timeline is None else timeline.states_between(request.sent_at, decision.at)
        if not any(clerk.explains(request, decision, state) for state in states):
            yield Anomaly(
                Wrong.STALE,
                key,
                f"{request.operation} was answered {decision.status} {decision.body}, "
                f"and {subject} was {states} meanwhile",
            )


def _check_decline(request: Request, decision: Attempt) -> Iterator[Anomaly]:
    """Check that only its bank refused a card payment, whatever the state of anything else."""
    is_declining = (request.body or {}).get("metadata", {}).get(CARD) == "declined"
    if not is_declining or decision.problem.get("code") != "payment_declined":
        said = f"{decision.status} {decision.body}"
        yield Anomaly(Wrong.STALE, request.key, f"a card that is good was answered {said}")
