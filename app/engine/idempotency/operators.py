"""The keys of operators' requests, which belong to no merchant and come one at a time."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from app.base.errors import PlatformError
from app.engine.database import Database, KeysTaken, Tx, transact
from app.engine.idempotency.model import Answer, Intent, refusal, reused
from app.engine.idempotency.store import queries

_DECIDED_MAX = 499  # above it nothing was decided


async def act_once(
    database: Database,
    name: Intent,
    correlation_id: str,
    act: Callable[[Tx], Awaitable[Answer]],
    *,
    deadline: float,
) -> Answer:
    """The answer of `act`, or the one that is kept under the key.

    The answer is kept in the transaction of the effect. A refusal is kept as well, so `act` refuses
    before it writes.

    Raises:
        KeyReused: the key's answer is to another request.
    """

    async def work(tx: Tx) -> Answer:
        known = await _find(tx, name)
        if known is not None:
            return known
        try:
            answer = await act(tx)
        except PlatformError as error:
            if error.status > _DECIDED_MAX:
                raise
            answer = refusal(error, correlation_id)
        _insert(tx, name, correlation_id, answer)
        return answer

    return await transact(database, work, deadline=deadline)


async def find_kept(database: Database, name: Intent) -> Answer | None:
    """What is kept under an operator's key now.

    Raises:
        KeyReused: the answer is to another request.
    """
    return await transact(database, lambda tx: _find(tx, name))


async def sweep_operators(database: Database) -> int:
    """Delete the operators' keys that have expired; returns how many."""
    return await transact(
        database, lambda tx: tx.execute(queries.delete_expired_operator_keys, {"now": tx.now})
    )


async def _find(tx: Tx, name: Intent) -> Answer | None:
    params = {"id": name.id, "now": tx.now}
    await tx.execute(queries.delete_expired_operator_key, params)
    for request, status, body, expires_at in await tx.rows(
        queries.find_operator_key, {"id": name.id}
    ):
        if request != name.request:
            raise reused(request, name.request)
        return Answer(status, body, replayed=True, expires_at=expires_at)
    return None


def _insert(tx: Tx, name: Intent, correlation_id: str, answer: Answer) -> None:
    tx.write(
        queries.insert_operator_key,
        lambda: {
            "id": name.id,
            "key": name.key,
            "request": name.request,
            "status": answer.status,
            "body": answer.body,
            "correlation_id": correlation_id,
            "expires_at": tx.now + timedelta(days=tx.settings.idempotency_kept_days),
        },
        rows=1,
        otherwise=KeysTaken,
    )
