"""Payouts against their transfers, and the sum on its way against the accounts that hold it."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from app.domains.payouts.model import WAITING
from app.domains.payouts.store import BANK_ACCOUNTS, PAYOUTS
from app.engine.database import Queries
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import FIRST, Row
from app.operate.verify.transfers import lines_of

queries = Queries(__package__, "payouts.sql", [PAYOUTS, BANK_ACCOUNTS])

Sums = Counter[tuple[str, str]]
"""(merchant, currency) -> minor units."""


class PayoutRow(msgspec.Struct, frozen=True):
    """A payout's own statement about itself."""

    merchant_id: str
    id: str
    status: str
    currency: str
    amount_minor: int
    transfer_id: str
    paid_transfer_id: str | None
    returned_transfer_id: str | None

    def transfers(self) -> Iterator[tuple[str, set[str]]]:
        """Each transfer that it names, with the purposes that it may have."""
        yield self.transfer_id, {"payout"}
        if self.paid_transfer_id is not None:
            yield self.paid_transfer_id, {"payout_paid"}
        if self.returned_transfer_id is not None:
            was_paid = self.paid_transfer_id is not None
            back = {"payout_returned"} if was_paid else {"payout_failed", "payout_canceled"}
            yield self.returned_transfer_id, back


async def check(audit: Audit) -> None:
    """Walk all payouts with their transfers, then the accounts of what is on its way."""
    again = audit.doubled(lambda row: wire("payout", row[1]), "it")
    stream = audit.stream(queries.list_payouts, again, after_merchant_id=FIRST, after_id=FIRST)
    on_the_way: Sums = Counter()
    async for rows in audit.pages("payouts", stream, queries.count_payouts):
        payouts = [PayoutRow(*row) for row in rows]
        wanted = {transfer: p.merchant_id for p in payouts for transfer, _ in p.transfers()}
        found = {row[0]: row for row in await audit.look_up(queries.find_purposes, wanted)}
        for payout in payouts:
            for what in _judge(payout, found):
                audit.add(Check.PAYOUT_TRANSFERS, wire("payout", payout.id), what)
            if payout.status in WAITING:
                on_the_way[payout.merchant_id, payout.currency] += payout.amount_minor
    await _compare_accounts(audit, on_the_way)


def _judge(payout: PayoutRow, found: dict[str, Row]) -> Iterator[str]:
    """Judge a payout's status and transfers."""
    is_paid, is_back = payout.paid_transfer_id is not None, payout.returned_transfer_id is not None
    agrees = {"paid": is_paid and not is_back, "failed": is_back, "canceled": is_back}
    if not agrees.get(payout.status, not is_paid and not is_back):
        said = "was paid" if is_paid else "was not paid"
        back = "came back" if is_back else "did not come back"
        yield f"it is {payout.status}, and by its transfers it {said} and {back}"
    for transfer_id, purposes in payout.transfers():
        name = wire("transfer", transfer_id)
        row = found.get(transfer_id)
        if row is None:
            yield f"its transfer {name} does not exist"
            continue
        _, purpose, text, metadata = row
        debits = sum(
            line.posted_minor for line in lines_of(text) or () if line.direction == "debit"
        )
        if purpose not in purposes:
            yield f"its transfer {name} is a '{purpose}'"
        if debits != payout.amount_minor:
            yield f"it is of {payout.amount_minor}, and its transfer {name} moved {debits}"
        if msgspec.json.decode(metadata).get("payout") != wire("payout", payout.id):
            yield f"its transfer {name} is not for it"


async def _compare_accounts(audit: Audit, on_the_way: Sums) -> None:
    accounts = audit.stream(queries.list_transit_accounts, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in accounts.pages():
        for merchant_id, account_id, currency, held in rows:
            due = on_the_way.pop((merchant_id, currency), 0)
            if held != due:
                what = f"it holds {held}, and payouts on their way are {due}"
                audit.add(Check.PAYOUTS_IN_TRANSIT, wire("account", account_id), what)
    for (merchant_id, currency), due in on_the_way.items():
        what = f"payouts of {due} {currency} are on their way, and no account holds them"
        audit.add(Check.PAYOUTS_IN_TRANSIT, wire("merchant", merchant_id), what)
