"""Accounts against their entries: versions without gaps, sums, floors, and money conserved."""

from collections import Counter

import msgspec

from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import EARLIEST, FIRST, Row, Stream, Use, queries

Sums = tuple[int, int, int, int]
"""Posted debits, posted credits, pending debits, pending credits, in minor units."""

SIDES = ("posted debits", "posted credits", "pending debits", "pending credits")


class AuditedAccount(msgspec.Struct, frozen=True):
    """An account's own statement about itself."""

    merchant_id: str
    id: str
    currency: str
    normal_side: str
    floor_minor: int | None
    posted_debits_minor: int
    posted_credits_minor: int
    pending_debits_minor: int
    pending_credits_minor: int
    version: int

    @property
    def sums(self) -> Sums:
        return (
            self.posted_debits_minor,
            self.posted_credits_minor,
            self.pending_debits_minor,
            self.pending_credits_minor,
        )


class AccountReplay:
    """Replays one account's entries in order, each against the sums that the earlier ones left."""

    def __init__(self, audit: Audit, account: AuditedAccount) -> None:
        self.audit = audit
        self.account = account
        self.hex = account.id.replace("-", "")
        self.merchant_hex = account.merchant_id.replace("-", "")
        self.version = 0
        self.sums: Sums = (0, 0, 0, 0)

    def take(self, row: Row) -> None:
        """Check the next entry, and count it for the comparison with the transfers' lines."""
        (_, _, booked_at, version, transfer_id, direction, posted, pending, *after) = row
        said = (self.merchant_hex, transfer_id, direction, posted, pending, booked_at)
        self.audit.count_entry((self.hex, version), said)
        if version != self.version + 1:
            self._misnumbered(version, transfer_id)
        out, in_, held_out, held_in = self.sums
        if direction == "debit":
            due = (out + posted, in_, held_out + pending, held_in)
        else:
            due = (out, in_ + posted, held_out, held_in + pending)
        sums = (after[0], after[1], after[2], after[3])
        if sums != due:
            self._off(f"entry {version} ({wire('transfer', transfer_id)}) has", sums, due)
        # The next entry is compared with what this one states, so that one fault is one finding.
        self.version, self.sums = version, sums
        if self.account.floor_minor is not None or min(sums) < 0:
            self._check_floor(sums, f"after entry {version}")

    def close(self) -> None:
        """Check the account's own sums and version against its last entry."""
        account = self.account
        if account.version != self.version:
            self.audit.add(
                Check.ACCOUNT_VERSIONS,
                wire("account", account.id),
                f"it has version {account.version}, and its last entry {self.version}",
            )
        if account.sums != self.sums:
            self._off("it has", account.sums, self.sums)
            self._check_floor(account.sums, "now")

    def _misnumbered(self, version: int, transfer_id: str) -> None:
        before = self.version
        if version == before:
            what = f"version {version} stands twice"
        elif version < before:
            what = f"version {version} comes after version {before}"
        elif version == before + 2:
            what = f"version {before + 1} is missing"
        else:
            what = f"versions {before + 1} to {version - 1} are missing"
        self.audit.add(
            Check.ACCOUNT_VERSIONS,
            wire("account", self.account.id),
            f"{what}; seen at the entry of {wire('transfer', transfer_id)}",
        )

    def _off(self, who: str, said: Sums, due: Sums) -> None:
        parts = [
            f"{side} of {a} instead of {b}"
            for side, a, b in zip(SIDES, said, due, strict=True)
            if a != b
        ]
        name = wire("account", self.account.id)
        self.audit.add(Check.ACCOUNT_SUMS, name, f"{who} {', '.join(parts)}")

    def _check_floor(self, sums: Sums, when: str) -> None:
        if min(sums) < 0:
            name = wire("account", self.account.id)
            self.audit.add(Check.ACCOUNT_FLOOR, name, f"{when} a sum is negative: {sums}")
        floor = self.account.floor_minor
        if floor is None:
            return
        out, in_, held_out, held_in = sums
        if self.account.normal_side == "credit":
            available = in_ - out - held_out
        else:
            available = out - in_ - held_in
        if available < floor:
            name = wire("account", self.account.id)
            what = f"{when} {available} is available, and the floor is {floor}"
            self.audit.add(Check.ACCOUNT_FLOOR, name, what)


def entries_stream(audit: Audit, again: Use | None = None) -> Stream:
    """All entries, ordered by account, then along its timeline."""
    return audit.stream(
        queries.list_entries,
        again,
        after_merchant_id=FIRST,
        after_account_id=FIRST,
        after_at=EARLIEST,
        after_version=0,
    )


async def check(audit: Audit) -> None:
    """Walk all accounts, each along its entries."""
    totals: dict[str, Counter[str]] = {}

    def name(row: Row) -> str:
        return wire("account", row[1])

    entries = entries_stream(audit, audit.doubled(name, "an entry of it"))
    again = audit.doubled(name, "it")
    accounts = audit.stream(queries.list_accounts, again, after_merchant_id=FIRST, after_id=FIRST)

    def strange(row: Row) -> None:
        what = f"an entry of {wire('transfer', row[4])} is on it, and the account does not exist"
        audit.add(Check.TRANSFER_ENTRIES, name(row), what)

    async for rows in audit.pages("accounts and entries", accounts, queries.count_accounts):
        for row in rows:
            account = AuditedAccount(*row)
            timeline = AccountReplay(audit, account)
            await entries.up_to(row[:2], below=strange, at=timeline.take)
            timeline.close()
            totals.setdefault(account.currency, Counter()).update(
                dict(zip(SIDES, account.sums, strict=True))
            )
            audit.count_held(account.id, "debit", account.pending_debits_minor)
            audit.count_held(account.id, "credit", account.pending_credits_minor)
    await entries.rest(strange)
    _check_conserved(audit, totals)


def _check_conserved(audit: Audit, totals: dict[str, Counter[str]]) -> None:
    for currency, sums in sorted(totals.items()):
        for kind in ("posted", "pending"):
            debited, credited = sums[f"{kind} debits"], sums[f"{kind} credits"]
            if debited != credited:
                what = f"all accounts together have {kind} debits of {debited}"
                what += f" and {kind} credits of {credited}"
                audit.add(Check.MONEY_CONSERVED, currency, what)
