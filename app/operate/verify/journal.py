"""The journal: chains without gaps, and hashes that are those of the listed transfers."""

from collections.abc import Sequence
from datetime import datetime
from itertools import starmap
from typing import Final
from uuid import UUID

import msgspec

from app.domains.ledger.decisions import GENESIS, block_hash, leaf, merkle_root
from app.domains.ledger.model import NO_METADATA, Transfer
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import FIRST, Row, queries
from app.operate.verify.transfers import Member, members_of

TRANSFERS_MAX: Final = 4_000  # looked up at a time: a few MB; a larger block is looked up alone
BLOCKS_MAX: Final = 200  # missing blocks between two existing ones that are named one by one
NAMED_MAX: Final = 5  # transfers of a broken block that are named


class BlockRow(msgspec.Struct, frozen=True):
    writer: str
    sequence: int
    previous_hash: bytes
    root: bytes
    hash: bytes
    created_at: datetime
    size: int
    """How many transfers it lists."""

    @property
    def name(self) -> str:
        """The block's name in findings."""
        return f"{self.writer}/{self.sequence}"


class _Chains:
    """The blocks of each writer, in order."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.writer = ""
        self.sequence = 0
        self.head = GENESIS

    def take(self, block: BlockRow) -> None:
        """Check a block's place in its chain, and its own hash."""
        if block.writer != self.writer:
            self.writer, self.sequence, self.head = block.writer, 0, GENESIS
        if block.sequence != self.sequence + 1:
            self._missing(block)
        elif block.previous_hash != self.head:
            what = "its previous hash is not the hash of the block before it"
            self.audit.add(Check.JOURNAL_CHAIN, block.name, what)
        due = block_hash(
            UUID(block.writer), block.sequence, block.previous_hash, block.root, block.created_at
        )
        if block.hash != due:
            self.audit.add(Check.JOURNAL_BLOCK, block.name, "its hash is not that of its content")
        self.sequence, self.head = block.sequence, block.hash

    def _missing(self, block: BlockRow) -> None:
        first = self.sequence + 1
        last = min(block.sequence - 1, self.sequence + BLOCKS_MAX)
        for sequence in range(first, last + 1):
            what = f"the block is missing, and block {block.sequence} of its writer is there"
            self.audit.add(Check.JOURNAL_CHAIN, f"{block.writer}/{sequence}", what)
        self.audit.findings.unexplored(Check.JOURNAL_CHAIN, block.sequence - 1 - last)


async def check(audit: Audit) -> None:
    """Walk all chains, and every block with its transfers."""
    chains = _Chains(audit)
    again = audit.doubled(lambda row: f"{row[0]}/{row[1]}", "the block")
    stream = audit.stream(queries.list_blocks, again, after_writer=FIRST, after_sequence=0)
    async for rows in audit.pages("journal", stream, queries.count_blocks):
        blocks = list(starmap(BlockRow, rows))
        for block in blocks:
            chains.take(block)
        for part in _parts(blocks):
            await _check_content(audit, part)


def _parts(blocks: Sequence[BlockRow]) -> list[list[BlockRow]]:
    """Runs of one writer's blocks that list at most `TRANSFERS_MAX` transfers together."""
    parts: list[list[BlockRow]] = []
    size = 0
    for block in blocks:
        fits = parts and size + block.size <= TRANSFERS_MAX
        if fits and parts[-1][-1].writer == block.writer:
            parts[-1].append(block)
            size += block.size
        else:
            parts.append([block])
            size = block.size
    return parts


async def _check_content(audit: Audit, blocks: Sequence[BlockRow]) -> None:
    """Check some blocks of one writer against the transfers that they list."""
    first, last = blocks[0], blocks[-1]
    members = await members_of(audit, first.writer, first.sequence, last.sequence)
    listed = {transfer: merchant for some in members.values() for merchant, transfer in some}
    rows = await audit.look_up(queries.list_transfers_among, listed)
    found = {row[0]: row[1:] for row in rows}
    for block in blocks:
        _check_block(audit, block, members.get(block.sequence, []), found)


def _check_block(
    audit: Audit, block: BlockRow, members: Sequence[Member], found: dict[str, Row]
) -> None:
    key = (block.writer, block.sequence)
    leaves = []
    for merchant_id, transfer_id in members:
        audit.listings.add(key, (merchant_id, transfer_id), -1)
        row = found.get(transfer_id)
        if row is None:
            what = f"the block {block.name} lists it, and it does not exist"
            audit.add(Check.JOURNAL_TRANSFERS, wire("transfer", transfer_id), what)
            continue
        writer, sequence, transfer = row[0], row[1], _transfer(row)
        if (writer, sequence) != key:
            what = f"the block {block.name} lists it, and it names {writer}/{sequence}"
            audit.add(Check.JOURNAL_TRANSFERS, wire("transfer", transfer_id), what)
        if transfer.booked_at != block.created_at:
            what = f"it was booked at {transfer.booked_at}, and its block at {block.created_at}"
            audit.add(Check.JOURNAL_TRANSFERS, wire("transfer", transfer_id), what)
        leaves.append(leaf(transfer))
    if merkle_root(leaves) != block.root:
        some = ", ".join(wire("transfer", each) for _, each in members[:NAMED_MAX])
        more = f" and {len(members) - NAMED_MAX} more" if len(members) > NAMED_MAX else ""
        what = f"its root is not that of the transfers it lists; one was edited of {some}{more}"
        audit.add(Check.JOURNAL_BLOCK, block.name, what)


def _transfer(row: Row) -> Transfer:
    """The transfer with what its leaf hashes; metadata are not part of the leaf."""
    _, _, merchant_id, transfer_id, kind, purpose, payment_id, hold_id, *rest = row
    entries, description, correlation_id, booked_at = rest
    return Transfer(
        merchant_id=merchant_id,
        id=transfer_id,
        kind=kind,
        purpose=purpose,
        payment_id=payment_id,
        hold_id=hold_id,
        entries=entries,
        description=description,
        metadata=NO_METADATA,
        correlation_id=correlation_id,
        booked_at=booked_at,
    )
