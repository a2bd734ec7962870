"""Claiming keys and keeping answers, many at a time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from app.engine.database import KeysTaken, Tx, moving
from app.engine.idempotency import store
from app.engine.idempotency.model import Answer, Claims, Command

C = TypeVar("C", bound=Command)


async def claim(tx: Tx, commands: Sequence[C]) -> Claims[C]:
    """Sort out which of `commands` act; replays and conflicts leave here with their answers.

    A first attempt takes every key for fresh: nearly all are, and the insert in `keep` finds out.
    If one was not, or an earlier attempt may have committed, the next attempt looks them up. So the
    common case pays for no look-up, and none of its read locks.

    Where a merchant moves, its keys are in two regions and the insert would find out about one of
    them. So they are brought home and looked up at once.
    """
    moves = moving(commands)
    if moves:
        await store.pull_keys(tx, commands, moves)
    known = await store.find_known(tx, commands) if moves or tx.attempt > 1 else {}
    return Claims(commands, known, moves)


def keep(tx: Tx, claims: Claims[C], answers: Sequence[Answer]) -> list[Answer]:
    """Store the answers of the fresh commands under their keys; returns one answer per command.

    Where another transaction took one of the keys meanwhile, the whole attempt is run again. So it
    is where a command has to wait: what it waits for may be its own first run, known by its key.
    """
    if tx.attempt == 1 and any(answer.waits_for is not None for answer in answers):
        raise KeysTaken
    store.insert_keys(tx, claims.fresh, answers, otherwise=KeysTaken)
    return claims.merge(answers)


def answer(tx: Tx, region: str, answers: Sequence[tuple[UUID, UUID, Answer]]) -> None:
    """Replace provisional answers, by (merchant, key id), now that their flows have ended."""
    # Counted from now: a client may come back for as long as after any other answer.
    expires_at = tx.now + timedelta(days=tx.settings.idempotency_kept_days)
    store.update_answers(tx, region, answers, expires_at)
