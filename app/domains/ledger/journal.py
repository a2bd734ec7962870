"""The journal: what each commit added, hashed so that nobody can edit it unnoticed. Pure.

A block holds the Merkle root over its transfers and the hash of the previous block of its writer.
Writers chain for themselves, so there is no lock and no global order to wait for.
Source of the tree's form: RFC 6962, section 2.1 (leaves and nodes are hashed apart).
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.ledger.model import Transfer

GENESIS = b"\x00" * 32
"""The previous hash of a chain's first block."""

_sha256 = hashlib.sha256


class Block(msgspec.Struct, frozen=True):
    """One commit's page of the journal."""

    writer: UUID
    sequence: int
    """1, 2, 3 ... within the writer's chain."""
    previous_hash: bytes
    root: bytes
    hash: bytes
    merchant_ids: Sequence[UUID]
    transfer_ids: Sequence[UUID]
    created_at: datetime


def leaf(transfer: Transfer) -> bytes:
    """Hash of everything a transfer says."""
    text = "\x1f".join(
        (
            transfer.merchant_id.hex,
            transfer.id.hex,
            transfer.kind,
            transfer.purpose,
            transfer.payment_id.hex if transfer.payment_id else "",
            transfer.hold_id.hex if transfer.hold_id else "",
            transfer.entries,
            transfer.description or "",
            transfer.correlation_id,
            str(_micros(transfer.booked_at)),
        )
    )
    return _sha256(b"\x00" + text.encode()).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over `leaves`, in order; an odd one at a level's end moves up as it is."""
    level = list(leaves)
    while len(level) > 1:
        paired = [
            _sha256(b"\x01" + level[at] + level[at + 1]).digest()
            for at in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0] if level else _sha256(b"").digest()


def block_hash(
    writer: UUID, sequence: int, previous_hash: bytes, root: bytes, created_at: datetime
) -> bytes:
    """Hash that the writer's next block will carry as its previous one."""
    head = writer.bytes + sequence.to_bytes(8) + _micros(created_at).to_bytes(8)
    return _sha256(b"\x02" + head + previous_hash + root).digest()


def make_block(
    writer: UUID, sequence: int, previous_hash: bytes, transfers: Sequence[Transfer], at: datetime
) -> Block:
    """The block of a commit that books `transfers`."""
    root = merkle_root([leaf(transfer) for transfer in transfers])
    return Block(
        writer=writer,
        sequence=sequence,
        previous_hash=previous_hash,
        root=root,
        hash=block_hash(writer, sequence, previous_hash, root, at),
        merchant_ids=[transfer.merchant_id for transfer in transfers],
        transfer_ids=[transfer.id for transfer in transfers],
        created_at=at,
    )


def _micros(at: datetime) -> int:
    # Integers only: a timestamp as a float would not survive the database's microseconds.
    return int(at.timestamp()) * 1_000_000 + at.microsecond
