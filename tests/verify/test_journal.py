"""An edited journal: the affected blocks and transfers are named."""

from typing import NamedTuple

from app.operate.verify import Check
from tests.support.databases import rows
from tests.verify.conftest import Books


class Block(NamedTuple):
    """A block of the history."""

    writer: str
    sequence: int
    length: int
    """How many blocks its writer has."""

    def __str__(self) -> str:
        return f"{self.writer}/{self.sequence}"


def _block_of(books: Books, transfer: str) -> Block:
    """The block that lists a transfer of the history."""
    (found,) = rows(
        books.url,
        """
        SELECT CAST(t.block_writer AS TEXT), t.block_sequence,
               (SELECT count(*) FROM journal_blocks AS b WHERE b.writer = t.block_writer)
          FROM transfers AS t
         WHERE t.id = %s
        """,
        [books.history.names[transfer]],
    )
    return Block(*found)


_THE_BLOCK = "writer = CAST(%(writer)s AS UUID) AND sequence = %(sequence)s"


def _change_block(books: Books, block: Block, statement: str) -> None:
    books.change(f"{statement} WHERE {_THE_BLOCK}", **block._asdict())


async def test_a_removed_block_is_named(books: Books) -> None:
    """A block removed from the middle of a chain is missed by the chain and its transfers."""
    block = _block_of(books, "paid_0_transfer")
    assert block.sequence < block.length

    _change_block(books, block, "DELETE FROM journal_blocks")

    assert await books.named() == {
        (Check.JOURNAL_CHAIN, str(block)),
        (Check.JOURNAL_TRANSFERS, str(block)),
    }


async def test_a_removed_last_block_is_named(books: Books) -> None:
    """A block that was removed from a chain's end is missed by its transfers."""
    block = _block_of(books, "twice_transfer")
    assert block.sequence == block.length

    _change_block(books, block, "DELETE FROM journal_blocks")

    (finding,) = await books.findings()
    assert (finding.check, finding.object) == (Check.JOURNAL_TRANSFERS, str(block))
    assert books.history.wire("transfer", "twice_transfer") in finding.detail


async def test_an_edited_transfer_is_named(books: Books) -> None:
    """A transfer whose lines were edited, in balance, differs from its entries and its block."""
    block = _block_of(books, "paid_1_transfer")

    books.change(
        """
        UPDATE transfers
           SET entries = replace(replace(entries, ',1001,', ',1002,'), ',942,', ',943,')
         WHERE id = %(paid_1_transfer)s
        """
    )

    assert await books.named() == {
        (Check.TRANSFER_ENTRIES, books.history.wire("transfer", "paid_1_transfer")),
        (Check.PAYMENT_AMOUNTS, books.history.wire("payment", "paid_1")),
        (Check.JOURNAL_BLOCK, str(block)),
    }


async def test_a_transfer_edited_out_of_balance_is_named(books: Books) -> None:
    """A transfer whose lines no longer sum to zero is named for that too."""
    block = _block_of(books, "gift")

    books.change(
        "UPDATE transfers SET entries = replace(entries, '\"credit\",700', '\"credit\",701')"
        " WHERE id = %(gift)s"
    )

    gift = books.history.wire("transfer", "gift")
    assert await books.named() == {
        (Check.TRANSFER_BALANCE, gift),
        (Check.TRANSFER_ENTRIES, gift),
        (Check.EVENT_DATA, gift),
        (Check.JOURNAL_BLOCK, str(block)),
    }


async def test_an_edited_description_is_named(books: Books) -> None:
    """A transfer's description is part of its hash, too."""
    block = _block_of(books, "ada_deposit")

    books.change("UPDATE transfers SET description = 'gold' WHERE id = %(ada_deposit)s")

    assert await books.named() == {
        (Check.EVENT_DATA, books.history.wire("transfer", "ada_deposit")),
        (Check.JOURNAL_BLOCK, str(block)),
    }


async def test_a_transfer_of_another_instant_is_named(books: Books) -> None:
    """A transfer whose instant was moved differs from its entries and its block."""
    block = _block_of(books, "paid_1_transfer")
    transfer = books.history.wire("transfer", "paid_1_transfer")

    books.change(
        "UPDATE transfers SET booked_at = booked_at - interval '1 day'"
        " WHERE id = %(paid_1_transfer)s"
    )

    assert await books.named() == {
        (Check.TRANSFER_ENTRIES, transfer),
        (Check.JOURNAL_TRANSFERS, transfer),
        (Check.JOURNAL_BLOCK, str(block)),
    }


async def test_a_removed_transfer_is_named(books: Books) -> None:
    """A transfer that is gone is missed by its entries, its payment and its block."""
    block = _block_of(books, "paid_1_transfer")
    transfer = books.history.wire("transfer", "paid_1_transfer")

    books.change("DELETE FROM transfers WHERE id = %(paid_1_transfer)s")

    assert await books.named() == {
        (Check.TRANSFER_ENTRIES, transfer),
        (Check.PAYMENT_AMOUNTS, books.history.wire("payment", "paid_1")),
        (Check.JOURNAL_TRANSFERS, transfer),
        (Check.JOURNAL_BLOCK, str(block)),
    }


async def test_a_transfer_of_another_block_is_named(books: Books) -> None:
    """A transfer that names a block which does not list it is named."""
    transfer = books.history.wire("transfer", "gift")

    books.change("UPDATE transfers SET block_sequence = 99 WHERE id = %(gift)s")

    writer = _block_of(books, "gift").writer
    assert await books.named() == {
        (Check.JOURNAL_TRANSFERS, transfer),
        (Check.JOURNAL_TRANSFERS, f"{writer}/99"),
    }


async def test_an_edited_root_is_named(books: Books) -> None:
    """A block whose root was edited fits neither its transfers nor its own hash."""
    block = _block_of(books, "gift")

    _change_block(books, block, "UPDATE journal_blocks SET root = sha256('x')")

    assert await books.named() == {(Check.JOURNAL_BLOCK, str(block))}
    assert len(await books.findings()) == 2


async def test_an_edited_hash_is_named(books: Books) -> None:
    """A block whose hash was edited breaks its own hash and the next block's link."""
    block = _block_of(books, "paid_0_transfer")

    _change_block(books, block, "UPDATE journal_blocks SET hash = sha256('x')")

    following = block._replace(sequence=block.sequence + 1)
    assert await books.named() == {
        (Check.JOURNAL_BLOCK, str(block)),
        (Check.JOURNAL_CHAIN, str(following)),
    }


async def test_a_transfer_listed_twice_is_named(books: Books) -> None:
    """A block that lists a transfer which another one lists is named."""
    block = _block_of(books, "gift")

    _change_block(
        books,
        block,
        "UPDATE journal_blocks SET transfer_ids = transfer_ids || CAST(%(euros_transfer)s AS UUID),"
        " merchant_ids = merchant_ids || merchant_ids[1]",
    )

    assert await books.named() == {
        (Check.JOURNAL_BLOCK, str(block)),
        (Check.JOURNAL_TRANSFERS, books.history.wire("transfer", "euros_transfer")),
    }


async def test_metadata_of_a_transfer_are_not_hashed(books: Books) -> None:
    """A payment's transfer has metadata that neither the journal nor an event repeats."""
    books.change('UPDATE transfers SET metadata = \'{"a": "b"}\' WHERE id = %(paid_1_transfer)s')

    assert await books.findings() == []
