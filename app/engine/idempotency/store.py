"""One typed function per statement."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.base import ids
from app.engine.database import Database, Moving, Queries, Tx, arrays, pull, transact
from app.engine.idempotency.model import Answer, Command, Intent, Known, reused

queries = Queries(__package__)

SWEEP_PAGE = 1_000  # rows read per statement: short enough to hold up no payment


async def pull_keys(tx: Tx, commands: Sequence[Command], moving: Moving) -> None:
    """Bring the keys of merchants that move home."""
    keys = {(c.merchant_id, c.intent.id) for c in commands if c.intent is not None}
    await pull(tx, queries.pull_keys, commands[0].region, moving, keys)


async def pull_named(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> None:
    """Bring some (merchant, key id) home, of merchants that move."""
    await pull(tx, queries.pull_keys, region, moving, keys)


async def find_known(tx: Tx, commands: Sequence[Command]) -> dict[tuple[UUID, UUID], Known]:
    """What is stored under the commands' keys, by (merchant, key id); expired rows make way."""
    named = [(c.merchant_id, c.intent.id) for c in commands if c.intent is not None]
    if not named:
        return {}
    params = arrays.by_keys(commands[0].region, named) | {"now": tx.now}
    await tx.execute(queries.delete_expired_among, params)
    rows = await tx.rows(queries.find_known, params)
    return {
        (merchant, key): Known(request, Answer(status, body, replayed=True, expires_at=expires_at))
        for merchant, key, request, status, body, expires_at in rows
    }


def insert_keys(
    tx: Tx,
    commands: Sequence[Command],
    answers: Sequence[Answer],
    *,
    otherwise: Callable[[], Exception],
) -> None:
    """Keep one row per named command; `otherwise` is raised if a key exists already."""
    named = [
        (c, c.intent, a)
        for c, a in zip(commands, answers, strict=True)
        if c.intent is not None and a.waits_for is None
    ]
    if not named:
        return
    tx.write(
        queries.insert_keys,
        lambda: {
            "region": commands[0].region,
            "expires_at": tx.now + timedelta(days=tx.settings.idempotency_kept_days),
            "merchant_ids": arrays.uuids([c.merchant_id for c, _, _ in named]),
            "ids": arrays.uuids([i.id for _, i, _ in named]),
            "keys": arrays.texts([i.key for _, i, _ in named]),
            "requests": arrays.texts([i.request for _, i, _ in named]),
            "statuses": arrays.ints([a.status for _, _, a in named]),
            "bodies": arrays.texts([a.body for _, _, a in named]),
            "correlation_ids": arrays.texts([c.correlation_id for c, _, _ in named]),
        },
        rows=len(named),
        otherwise=otherwise,
    )


def update_answers(
    tx: Tx, region: str, answers: Sequence[tuple[UUID, UUID, Answer]], expires_at: datetime
) -> None:
    """Replace provisional answers, by (merchant, key id); one whose key was swept is lost."""
    if not answers:
        return
    tx.write(
        queries.update_answers,
        lambda: {
            "region": arrays.same(region, len(answers)),
            "expires_at": expires_at,
            "merchant_id": arrays.uuids([merchant_id for merchant_id, _, _ in answers]),
            "id": arrays.uuids([key_id for _, key_id, _ in answers]),
            "status": arrays.ints([answer.status for _, _, answer in answers]),
            "body": arrays.texts([answer.body for _, _, answer in answers]),
        },
    )


def release_keys(tx: Tx, region: str, keys: Sequence[tuple[UUID, UUID]]) -> None:
    """Forget keys, by (merchant, key id): what they asked for surely had no effect."""
    if not keys:
        return
    tx.write(queries.release_keys, lambda: arrays.by_keys(region, keys))


async def find_answer(
    database: Database, regions: Sequence[str], merchant_id: UUID, name: Intent
) -> Answer | None:
    """What is kept under a key now, wherever the merchant's rows may be.

    Raises:
        KeyReused: the answer is to another request.
    """
    for region in regions:
        params = {"region": region, "merchant_id": merchant_id, "id": name.id}
        rows = await database.read(queries.find_answer, params)
        for request, status, body, expires_at in rows:
            if request != name.request:
                raise reused(request, name.request)
            return Answer(status, body, replayed=True, expires_at=expires_at)
    return None


async def sweep(
    database: Database, region: str, after: tuple[UUID, UUID] | None
) -> tuple[int, tuple[UUID, UUID] | None]:
    """Delete the expired keys of the next page after a position.

    Walking the table in key order needs no index on the expiry, which every payment would have to
    maintain. Returns how many rows went, and the position to go on from (none at the end).
    """
    merchant_id, key_id = after or (ids.NIL, ids.NIL)
    rows = await database.read(
        queries.list_page,
        {
            "region": region,
            "after_merchant_id": merchant_id,
            "after_id": key_id,
            "page_size": SWEEP_PAGE,
        },
    )
    expired = [(merchant, key) for merchant, key, is_expired in rows if is_expired]
    deleted = 0
    if expired:
        keys = arrays.by_keys(region, expired)
        deleted = await transact(
            database,
            lambda tx: tx.execute(queries.delete_expired_among, keys | {"now": tx.now}),
        )
    position = (rows[-1][0], rows[-1][1]) if len(rows) == SWEEP_PAGE else None
    return deleted, position
