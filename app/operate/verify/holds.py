"""Holds: each belongs to its payment, and together they are what accounts have pending."""

from collections import Counter

from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, hold_wire, wire
from app.operate.verify.store import FIRST, Stream, Use, queries


def _stream(audit: Audit, again: Use | None = None) -> Stream:
    return audit.stream(queries.list_holds, again, after_merchant_id=FIRST, after_id=FIRST)


async def check(audit: Audit) -> None:
    """Walk all holds; what accounts have pending is counted by `accounts`."""
    again = audit.doubled(lambda row: hold_wire(row[1]), "the hold")
    async for rows in audit.pages("holds", _stream(audit, again), queries.count_holds):
        for _, hold_id, payment_id, debit_id, credit_id, named, left in rows:
            if named != hold_id:
                payment = wire("payment", payment_id)
                does_not = f"names {hold_wire(named)}" if named else "names no hold, or is missing"
                what = f"it is for {payment}, which {does_not}"
                audit.add(Check.HOLD_AMOUNTS, hold_wire(hold_id), what)
            audit.count_held(debit_id, "debit", -left)
            audit.count_held(credit_id, "credit", -left)


async def compare_pending(audit: Audit) -> None:
    """Report accounts whose pending sums are not what is held; reads both again if any differ."""
    suspects = audit.held.suspects()
    if not suspects:
        return
    audit.findings.unexplored(Check.HELD_IS_PENDING, suspects.more)
    held: Counter[tuple[str, str]] = Counter()
    async for rows in _stream(audit).pages():
        for _, _, _, debit_id, credit_id, _, left in rows:
            for account_id, side in ((debit_id, "debit"), (credit_id, "credit")):
                if account_id in suspects:
                    held[account_id, side] += left
    accounts = audit.stream(queries.list_accounts, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in accounts.pages():
        for row in rows:
            if row[1] in suspects:
                _compare(audit, row[1], "debit", row[7], held.pop((row[1], "debit"), 0))
                _compare(audit, row[1], "credit", row[8], held.pop((row[1], "credit"), 0))
    for (account_id, side), amount in held.items():
        _compare(audit, account_id, side, 0, amount)


def _compare(audit: Audit, account_id: str, side: str, pending: int, held: int) -> None:
    if pending != held:
        what = f"pending {side}s are {pending}, and open holds hold {held}"
        audit.add(Check.HELD_IS_PENDING, wire("account", account_id), what)
