"""The vault's rows: one typed function per statement."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.base import ids
from app.base.modes import Mode
from app.engine.database import Database, Queries, Tx, arrays
from app.vault.cipher import WrappedKey
from app.vault.model import CardRow, Use

queries = Queries(__package__)


class SealedCard(msgspec.Struct, frozen=True):
    """A new card, sealed."""

    id: UUID
    merchant_id: UUID
    sealed: bytes
    fingerprint: bytes
    brand: str
    bin: str
    last4: str
    exp_month: int
    exp_year: int
    created_at: datetime
    mode: Mode


async def list_keys(tx: Tx) -> list[WrappedKey]:
    """All keys of the vault, oldest first."""
    return [WrappedKey(*row) for row in await tx.rows(queries.list_keys, {"after": ids.NIL})]


async def find_active_key(tx: Tx) -> WrappedKey | None:
    """The key that seals new cards."""
    rows = await tx.rows(queries.find_active_key, {})
    return WrappedKey(*rows[0]) if rows else None


def insert_key(tx: Tx, key: WrappedKey, now: datetime) -> None:
    """Keep a new key."""
    tx.write(
        queries.insert_key,
        lambda: {
            "id": key.id,
            "purpose": key.purpose,
            "wrapped": key.wrapped,
            "wrapped_by": key.wrapped_by,
            "created_at": now,
        },
    )


def retire_key(tx: Tx) -> None:
    """Stop using the active key for new cards."""
    tx.write(queries.retire_key, dict)


def rewrap_key(tx: Tx, key: WrappedKey, wrapped: bytes, wrapped_by: str) -> None:
    """Store a key as another master key wrapped it."""
    tx.write(
        queries.rewrap_key,
        lambda: {
            "id": key.id,
            "wrapped": wrapped,
            "wrapped_by": wrapped_by,
            "wrapped_by_before": key.wrapped_by,
        },
    )


async def delete_key(tx: Tx, key_id: UUID) -> bool:
    """Delete a retiring key if no card needs it; returns whether it did."""
    return await tx.execute(queries.delete_key, {"id": key_id}) == 1


def insert_cards(tx: Tx, key_id: UUID, cards: Sequence[SealedCard]) -> None:
    """Keep new cards."""
    tx.write(
        queries.insert_cards,
        lambda: {
            "key_id": key_id,
            "ids": arrays.uuids([card.id for card in cards]),
            "merchant_ids": arrays.uuids([card.merchant_id for card in cards]),
            "sealed": arrays.words([card.sealed.hex() for card in cards]),
            "fingerprints": arrays.words([card.fingerprint.hex() for card in cards]),
            "brands": arrays.words([card.brand for card in cards]),
            "bins": arrays.words([card.bin for card in cards]),
            "lasts": arrays.words([card.last4 for card in cards]),
            "exp_months": arrays.ints([card.exp_month for card in cards]),
            "exp_years": arrays.ints([card.exp_year for card in cards]),
            "created_ats": arrays.times([card.created_at for card in cards]),
            "modes": arrays.words([card.mode for card in cards]),
        },
    )


async def find_cards(database: Database, card_ids: Sequence[UUID]) -> dict[UUID, CardRow]:
    """Cards with the keys that open them; missing cards are left out."""
    rows = await database.read(queries.find_cards, {"ids": arrays.uuids(card_ids)})
    return {row[0]: CardRow(*row) for row in rows}


async def list_same_cards(database: Database, card: CardRow, page_size: int) -> list[UUID]:
    """A merchant's other tokens of a card, the newest first."""
    params = {
        "merchant_id": card.merchant_id,
        "fingerprint": card.fingerprint,
        "id": card.id,
        "page_size": page_size,
    }
    return [card_id for (card_id,) in await database.read(queries.list_same_cards, params)]


async def lock_cards_of_key(tx: Tx, key_id: UUID, page_size: int) -> list[tuple[UUID, UUID, bytes]]:
    """Lock the next cards of a key: (id, merchant, sealed)."""
    params = {"key_id": key_id, "page_size": page_size}
    return [(id_, merchant, sealed) for id_, merchant, sealed in
            await tx.rows(queries.lock_cards_of_key, params)]  # fmt: skip


def reseal_cards(tx: Tx, before: UUID, after: UUID, cards: Sequence[tuple[UUID, bytes]]) -> None:
    """Store cards that were sealed with another key."""
    tx.write(
        queries.reseal_cards,
        lambda: {
            "key_id": after,
            "key_id_before": before,
            "ids": arrays.uuids([card_id for card_id, _ in cards]),
            "sealed": arrays.words([sealed.hex() for _, sealed in cards]),
        },
        rows=len(cards),
    )


async def find_generations(database: Database, merchant_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The lowest good generations of some merchants' keys; merchants without one are left out."""
    params = {"merchant_ids": arrays.uuids(merchant_ids)}
    return {row[0]: row[1] for row in await database.read(queries.find_generations, params)}


def raise_generation(tx: Tx, merchant_id: UUID, lowest: int) -> None:
    """Say that lower generations of a merchant's keys are not good any more."""
    params = {"merchant_id": merchant_id, "lowest": lowest, "updated_at": tx.now}
    tx.write(queries.raise_generation, lambda: params)


def insert_uses(tx: Tx, uses: Sequence[Use]) -> None:
    """Record uses of cards."""
    tx.write(
        queries.insert_uses,
        lambda: {
            "card_ids": arrays.uuids([use.card_id for use in uses]),
            "ids": arrays.uuids([use.id for use in uses]),
            "merchant_ids": arrays.uuids([use.merchant_id for use in uses]),
            "actors": arrays.words([use.actor for use in uses]),
            "actions": arrays.words([use.action for use in uses]),
            "destinations": arrays.texts([use.destination for use in uses]),
            "correlation_ids": arrays.texts([use.correlation_id for use in uses]),
            "used_ats": arrays.times([use.used_at for use in uses]),
        },
    )
