"""Transfers: their balance, and the comparison of their lines with entries and blocks."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from app.base import ids
from app.domains.ledger.model import EntryLine
from app.operate.verify.accounts import entries_stream
from app.operate.verify.audit import Audit, Said
from app.operate.verify.model import Check, wire
from app.operate.verify.money import PLATFORM
from app.operate.verify.store import FIRST, Stream, Use, queries, uuid_array

MERCHANTS_KEPT_MAX = 200_000  # whose mode is cached: some 30 MB
CURRENCIES_KEPT_MAX = 200_000  # accounts whose currency is cached: some 30 MB

Member = tuple[str, str]
"""(merchant, transfer), as a block lists it."""

_lines = msgspec.json.Decoder(list[EntryLine])


def lines_of(text: str) -> list[EntryLine] | None:
    """Parse the lines of a transfer's text; none if it is no such text."""
    try:
        return _lines.decode(text)
    except msgspec.MsgspecError:
        return None


class _Currencies:
    """A cache of accounts' currencies, which are looked up a page at a time."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._known: dict[str, str] = {}

    async def of(self, lines: Iterable[EntryLine]) -> dict[str, str]:
        """Account (hex) -> currency, for the accounts of these lines that exist."""
        wanted = {
            line.account_id: line.merchant_id
            for line in lines
            if line.account_id not in self._known
        }
        if wanted:
            if len(self._known) > CURRENCIES_KEPT_MAX:
                self._known.clear()
                return await self.of(lines)
            rows = await self._audit.look_up(queries.find_currencies, wanted)
            self._known |= {account.replace("-", ""): currency for account, currency in rows}
        return self._known


def _stream(audit: Audit, again: Use | None = None) -> Stream:
    return audit.stream(queries.list_transfers, again, after_merchant_id=FIRST, after_id=FIRST)


async def check(audit: Audit) -> None:
    """Walk all transfers; afterwards `accounts` and `journal` read the other side."""
    currencies = _Currencies(audit)
    modes: dict[str, str] = {}
    stream = _stream(audit, audit.doubled(lambda row: wire("transfer", row[1]), "it"))
    async for rows in audit.pages("transfers", stream, queries.count_transfers):
        texts = [lines_of(row[2]) for row in rows]
        known = await currencies.of([line for lines in texts if lines for line in lines])
        await _look_up_modes(audit, modes, {row[0] for row in rows})
        for row, lines in zip(rows, texts, strict=True):
            merchant_id, transfer_id, _, writer, sequence, booked_at = row
            block = (writer, sequence)
            audit.listings.add(block, (merchant_id, transfer_id))
            if lines is None:
                what = "its entries cannot be read as a list of lines"
                audit.add(Check.TRANSFER_BALANCE, wire("transfer", transfer_id), what)
                continue
            _check_balance(audit, transfer_id, lines, known)
            _check_mode(audit, transfer_id, lines, modes.get(merchant_id))
            for line in lines:
                moved = (line.direction, line.posted_minor, line.pending_minor)
                said = (line.merchant_id, transfer_id, *moved, booked_at)
                audit.count_entry((line.account_id, line.version), said, -1)


async def _look_up_modes(audit: Audit, known: dict[str, str], merchant_ids: set[str]) -> None:
    """Add whether some merchants are test merchants, by id as rows have it."""
    wanted = merchant_ids - known.keys()
    if wanted:
        if len(known) > MERCHANTS_KEPT_MAX:
            known.clear()
            wanted = merchant_ids
        rows = await audit.snapshot.rows(queries.find_modes, {"ids": uuid_array(wanted)})
        known |= dict(rows)


def _check_mode(audit: Audit, transfer_id: str, lines: list[EntryLine], mode: str | None) -> None:
    """Report a test merchant's money on an account for live money, and the other way round."""
    wrong = ids.NIL.hex if mode == "test" else ids.TEST.hex
    for line in lines:
        if line.merchant_id == wrong:
            what = f"it is of a {mode or 'live'} merchant, and on {_account(line.account_id)}"
            other = "live" if mode == "test" else "test"
            audit.add(Check.MODES_APART, wire("transfer", transfer_id), f"{what} for {other} money")


def _check_balance(
    audit: Audit, transfer_id: str, lines: list[EntryLine], currencies: dict[str, str]
) -> None:
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        currency = currencies.get(line.account_id)
        if currency is None:
            what = f"it names {_account(line.account_id)}, which does not exist"
            audit.add(Check.TRANSFER_ENTRIES, wire("transfer", transfer_id), what)
            continue
        posted, pending = sums.get(currency, (0, 0))
        if line.direction == "debit":
            sums[currency] = (posted + line.posted_minor, pending + line.pending_minor)
        else:
            sums[currency] = (posted - line.posted_minor, pending - line.pending_minor)
    for currency, (posted, pending) in sums.items():
        if posted or pending:
            what = f"debits less credits are {posted} {currency} posted, {pending} pending"
            audit.add(Check.TRANSFER_BALANCE, wire("transfer", transfer_id), what)
    if len(lines) < 2:  # noqa: PLR2004 - money comes from one account and goes to another
        what = f"it has {len(lines)} entries, and a movement has two at least"
        audit.add(Check.TRANSFER_BALANCE, wire("transfer", transfer_id), what)


def _account(account_hex: str) -> str:
    try:
        return wire("account", account_hex)
    except ValueError:
        return f"an account '{account_hex}'"


async def compare_entries(audit: Audit) -> None:
    """Report the lines and entries that differ; reads both again if any do."""
    suspects = audit.entries.suspects()
    if not suspects:
        return
    audit.findings.unexplored(Check.TRANSFER_ENTRIES, suspects.more)
    lines: defaultdict[tuple[str, int], list[Said]] = defaultdict(list)
    entries: defaultdict[tuple[str, int], list[Said]] = defaultdict(list)
    async for rows in _stream(audit).pages():
        for _, transfer_id, text, _, _, booked_at in rows:
            for line in lines_of(text) or ():
                key = (line.account_id, line.version)
                if key in suspects:
                    moved = (line.direction, line.posted_minor, line.pending_minor)
                    lines[key].append((line.merchant_id, transfer_id, *moved, booked_at))
    async for rows in entries_stream(audit).pages():
        for merchant_id, account_id, booked_at, version, transfer_id, *rest in rows:
            key = (account_id.replace("-", ""), version)
            if key in suspects:
                merchant = merchant_id.replace("-", "")
                entries[key].append((merchant, transfer_id, rest[0], rest[1], rest[2], booked_at))
    for key in sorted(lines.keys() | entries.keys()):
        _compare(audit, key, lines[key], entries[key])


def _compare(audit: Audit, key: tuple[str, int], lines: list[Said], entries: list[Said]) -> None:
    """Report what one version of one account has too much or too little of."""
    missing, surplus = list(lines), []
    for entry in entries:
        if entry in missing:
            missing.remove(entry)
        else:
            surplus.append(entry)
    place = f"version {key[1]} of {_account(key[0])}"
    named = {line[1] for line in lines}
    for entry in surplus:
        changed = next((line for line in missing if line[1] == entry[1]), None)
        if changed is not None:
            missing.remove(changed)
            what = f"its entry, {place}, is {_say(entry)}, and it says {_say(changed)}"
        elif entry[1] in named:
            what = f"its entry, {place}, stands twice"
        else:
            what = f"an entry names it, {place} ({_say(entry)}), and it does not name the entry"
        audit.add(Check.TRANSFER_ENTRIES, wire("transfer", entry[1]), what)
    for line in missing:
        what = f"its entry is missing: {place} ({_say(line)})"
        audit.add(Check.TRANSFER_ENTRIES, wire("transfer", line[1]), what)


def _say(said: Said) -> str:
    merchant, _, direction, posted, pending, booked_at = said
    held = f", {pending:+} pending" if pending else ""
    whose = _whose(merchant)
    return f"{direction} of {posted}{held} on an account of {whose} at {booked_at}"


def _whose(merchant_hex: str) -> str:
    return "the platform" if merchant_hex in PLATFORM else wire("merchant", merchant_hex)


async def compare_listings(audit: Audit) -> None:
    """Report transfers whose blocks do not list them, or do not exist."""
    suspects = audit.listings.suspects()
    if not suspects:
        return
    audit.findings.unexplored(Check.JOURNAL_TRANSFERS, suspects.more)
    claims: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    async for rows in _stream(audit).pages():
        for _, transfer_id, _, writer, sequence, _ in rows:
            if (writer, sequence) in suspects:
                claims[writer, sequence].add(transfer_id)
    for (writer, sequence), claimed in sorted(claims.items()):
        members = await members_of(audit, writer, sequence, sequence)
        listed = {transfer for _, transfer in members[sequence]} if members else None
        _compare_listing(audit, f"{writer}/{sequence}", claimed, listed)


async def members_of(audit: Audit, writer: str, first: int, last: int) -> dict[int, list[Member]]:
    """The transfers that some blocks of one writer list, by sequence, whose region has them."""
    for region in audit.regions:
        params = {"region": region, "writer": writer, "first": first, "last": last}
        rows = await audit.snapshot.rows(queries.list_block_members, params)
        if rows:
            return {
                sequence: list(zip(merchants, transfers, strict=False))
                for sequence, merchants, transfers in rows
            }
    return {}


def _compare_listing(audit: Audit, block: str, claimed: set[str], listed: set[str] | None) -> None:
    if listed is None:
        some = ", ".join(wire("transfer", each) for each in sorted(claimed)[:3])
        more = f" and {len(claimed) - 3} more" if len(claimed) > 3 else ""  # noqa: PLR2004 - shown
        what = f"the block is missing, and is named by {some}{more}"
        audit.add(Check.JOURNAL_TRANSFERS, block, what)
        return
    for transfer_id in sorted(claimed - listed):
        what = f"it names the block {block}, which does not list it"
        audit.add(Check.JOURNAL_TRANSFERS, wire("transfer", transfer_id), what)
