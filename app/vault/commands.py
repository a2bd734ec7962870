"""The vault's atomic steps: many commands in, one outcome for each out, in `tx`."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import InvariantViolated
from app.base.modes import Mode
from app.engine.database import Step, Tx, step
from app.vault import store
from app.vault.cipher import Ciphers, WrappedKey
from app.vault.model import BIN_DIGITS, LAST_DIGITS, Card, Use
from app.vault.store import SealedCard


class KeepCard(msgspec.Struct, frozen=True):
    """Keep a card under a token."""

    merchant_id: UUID
    card_id: UUID
    card: Card
    brand: str
    exp_month: int
    exp_year: int
    mode: Mode
    use: Use


def keeper(ciphers: Ciphers) -> Step[KeepCard, SealedCard]:
    """Make the step that keeps cards; it uses `ciphers`."""

    @step
    async def keep_cards(tx: Tx, commands: Sequence[KeepCard]) -> list[SealedCard]:
        """Seal cards with the active key, and record who brought them."""
        # Read in this transaction, so that no card gets a key that a rotation has replaced.
        key = await store.find_active_key(tx)
        if key is None:
            raise InvariantViolated("the vault has no active key")
        now = tx.now
        cards = [
            SealedCard(
                id=command.card_id,
                merchant_id=command.merchant_id,
                sealed=ciphers.seal(key, command.card_id, command.merchant_id, command.card),
                fingerprint=ciphers.fingerprint(command.merchant_id, command.card.number),
                brand=command.brand,
                bin=command.card.number[:BIN_DIGITS],
                last4=command.card.number[-LAST_DIGITS:],
                exp_month=command.exp_month,
                exp_year=command.exp_year,
                created_at=now,
                mode=command.mode,
            )
            for command in commands
        ]
        # After this line only writes.
        store.insert_cards(tx, key.id, cards)
        store.insert_uses(tx, [command.use for command in commands])
        return cards

    return keep_cards


@step
async def note_uses(tx: Tx, uses: Sequence[Use]) -> list[None]:
    """Record uses of cards."""
    store.insert_uses(tx, uses)
    return [None] * len(uses)


async def prepare_keys(tx: Tx, ciphers: Ciphers) -> list[WrappedKey]:
    """Create the vault's keys where there are none yet."""
    keys = await store.list_keys(tx)
    for purpose in ("card", "fingerprint"):
        if not any(key.purpose == purpose for key in keys):
            key_id = ids.new()
            key = WrappedKey(key_id, purpose, "active", *ciphers.new_key(key_id, purpose))
            store.insert_key(tx, key, tx.now)
            keys.append(key)
    return keys
