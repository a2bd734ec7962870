"""Rotation: replaces all keys, while the vault serves.

First every key is wrapped by the current master key. Then new cards get a new data key. Then the
cards of older keys are sealed again, page by page, and a key that no card needs is deleted. Each
step is a transaction and shows in the rows, so the next rotation finishes one that was interrupted.
A reader gets a card and its key as of one moment.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias, TypeVar

import msgspec

from app.base import clock, ids
from app.engine.database import Database, Tx, faults, transact
from app.engine.database.faults import FaultPoint
from app.vault import store
from app.vault.cipher import Ciphers, WrappedKey
from app.vault.errors import VaultUnfit

PAGE_CARDS: Final = 200  # some 10 ms of locks, for which only another rotation waits
_STEP_S: Final = 30.0  # for one step: contention is waited out, a lost database is not
_PASSES_MAX: Final = 1_000_000_000 // PAGE_CARDS  # more cards than any vault has

T = TypeVar("T")

Progress: TypeAlias = Callable[[int], None]
"""Called with how many cards were sealed again so far."""


class Rotated(msgspec.Struct, frozen=True):
    """What a rotation did."""

    master_key: str
    """The name of the master key that wraps all keys now."""
    keys_rewrapped: int
    cards_resealed: int
    keys_forgotten: int
    resumed: bool
    """It finished an earlier rotation, and made no key of its own."""


async def rotate(
    database: Database,
    ciphers: Ciphers,
    *,
    only_master: bool = False,
    progress: Progress = lambda _: None,
) -> Rotated:
    """Wrap all keys by the current master key, and seal all cards with a new data key.

    Args:
        only_master: stop after the wrapping, which is urgent after a master key was lost or seen.

    Raises:
        MasterKeyWrong: some key is wrapped by a master key that is not configured.
        VaultUnfit: it was never started, so there is nothing to rotate.
    """
    rewrapped = await _transact(database, lambda tx: _rewrap(tx, ciphers))
    if only_master:
        return Rotated(ciphers.masters.current, rewrapped, 0, 0, resumed=False)
    resumed = await _transact(database, lambda tx: _begin(tx, ciphers))
    resealed = forgotten = 0
    for _ in range(_PASSES_MAX):
        count, gone = await _transact(database, lambda tx: _page(tx, ciphers))
        faults.hit(FaultPoint.BETWEEN_PAGES)
        resealed += count
        forgotten += gone
        progress(resealed)
        if not count and not gone:
            break
    return Rotated(ciphers.masters.current, rewrapped, resealed, forgotten, resumed)


async def _transact(database: Database, work: Callable[[Tx], Awaitable[T]]) -> T:
    return await transact(database, work, deadline=clock.monotonic() + _STEP_S)


async def _rewrap(tx: Tx, ciphers: Ciphers) -> int:
    """Wrap the keys of other master keys by the current one; returns their number."""
    keys = await store.list_keys(tx)
    if not keys:
        raise VaultUnfit(fault="it was never started, so there is nothing to rotate")
    old = [key for key in keys if key.wrapped_by != ciphers.masters.current]
    for key in old:
        store.rewrap_key(tx, key, *ciphers.rewrap(key))
    return len(old)


async def _begin(tx: Tx, ciphers: Ciphers) -> bool:
    """Make a new active key; true if an earlier rotation made it and has not ended."""
    if _retiring(await store.list_keys(tx)):
        return True
    key_id = ids.new()
    key = WrappedKey(key_id, "card", "active", *ciphers.new_key(key_id, "card"))
    store.retire_key(tx)
    store.insert_key(tx, key, clock.now())
    return False


async def _page(tx: Tx, ciphers: Ciphers) -> tuple[int, int]:
    """Seal the next cards of an old key with the active one, or delete the key.

    Returns how many cards were sealed, and how many keys were deleted.
    """
    keys = await store.list_keys(tx)
    retiring = _retiring(keys)
    if not retiring:
        return 0, 0
    old = retiring[0]
    [active] = [key for key in keys if (key.purpose, key.state) == ("card", "active")]
    cards = await store.lock_cards_of_key(tx, old.id, PAGE_CARDS)
    if not cards:
        return 0, int(await store.delete_key(tx, old.id))
    sealed = []
    for card_id, merchant_id, before in cards:
        card = ciphers.open(old, card_id, merchant_id, before)
        sealed.append((card_id, ciphers.seal(active, card_id, merchant_id, card)))
    # After this line only writes.
    store.reseal_cards(tx, old.id, active.id, sealed)
    return len(cards), 0


def _retiring(keys: Sequence[WrappedKey]) -> list[WrappedKey]:
    return [key for key in keys if key.state == "retiring"]
