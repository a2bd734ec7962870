"""The journal: a Merkle tree per commit, a hash chain per writer."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.ledger import Transfer
from app.domains.ledger.decisions import GENESIS, block_hash, leaf, make_block, merkle_root

AT = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
WRITER = UUID(int=5)

TRANSFER = Transfer(
    merchant_id=UUID(int=1),
    id=UUID(int=2),
    kind="posted",
    purpose="payment",
    payment_id=UUID(int=3),
    hold_id=None,
    entries='[["01","02","debit",5,0,1]]',
    description=None,
    metadata={},
    correlation_id="req_1",
    booked_at=AT,
)


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word: split at the largest power of two below the size."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = by_definition(leaves[:split]), by_definition(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_the_tree_is_that_of_its_definition(leaves: list[bytes]) -> None:
    """The root equals the recursive definition's, whatever the number of leaves."""
    assert merkle_root(leaves) == by_definition(leaves)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=20, unique=True))
def test_order_and_presence_matter(leaves: list[bytes]) -> None:
    """A missing, doubled or moved leaf changes the root."""
    root = merkle_root(leaves)

    assert merkle_root(leaves[1:]) != root
    assert merkle_root([*leaves, leaves[-1]]) != root
    assert merkle_root(leaves[::-1]) != root


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("merchant_id", UUID(int=9)),
        ("id", UUID(int=9)),
        ("kind", "pending"),
        ("purpose", "refund"),
        ("payment_id", None),
        ("hold_id", UUID(int=9)),
        ("entries", '[["01","02","debit",6,0,1]]'),
        ("description", "changed"),
        ("correlation_id", "req_2"),
        ("booked_at", AT.replace(microsecond=123457)),
    ],
)
def test_an_edited_transfer_has_another_hash(field: str, value: object) -> None:
    """Whatever is changed in a transfer shows in its leaf."""
    edited = msgspec.structs.replace(TRANSFER, **{field: value})

    assert leaf(edited) != leaf(TRANSFER)


def test_fields_cannot_flow_into_each_other() -> None:
    """A payment's id in the place of a hold's id is another transfer."""
    moved = msgspec.structs.replace(TRANSFER, payment_id=None, hold_id=TRANSFER.payment_id)

    assert leaf(moved) != leaf(TRANSFER)


def test_blocks_chain() -> None:
    """A block's hash covers its writer, place, time, transfers and the block before it."""
    first = make_block(WRITER, 1, GENESIS, [TRANSFER], AT)
    second = make_block(WRITER, 2, first.hash, [TRANSFER], AT)

    assert first.root == leaf(TRANSFER)
    assert second.previous_hash == first.hash
    hashes = {
        first.hash,
        second.hash,
        block_hash(UUID(int=6), 1, GENESIS, first.root, AT),
        block_hash(WRITER, 1, GENESIS, first.root, AT.replace(microsecond=0)),
        block_hash(WRITER, 1, first.hash, first.root, AT),
        block_hash(WRITER, 1, GENESIS, second.hash, AT),
    }
    assert len(hashes) == 6


def test_the_form_of_hashes_never_changes() -> None:
    """A journal written by any version verifies in every later one."""
    block = make_block(WRITER, 1, GENESIS, [TRANSFER], AT)

    assert leaf(TRANSFER).hex() == LEAF
    assert block.hash.hex() == BLOCK


LEAF = "23ca4d49fe2302dce65e7983b9a634974430b0d9ec7a3db1ef3fe9473511f9ce"
BLOCK = "eaddf7b4f31439cab69f46bd9a6c8dcdcc7abbe64bf571ef1bc01bf88cd1e592"
