"""Beginning a flow inside the transaction of its first step."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.engine.database import Tx
from app.engine.idempotency import Command
from app.engine.saga.model import External, Flow


def new_flow(
    tx: Tx,
    command: Command,
    ask: External[Any, Any],
    *,
    flow_id: UUID,
    object_id: UUID,
    data: str = "{}",
    leased: bool = True,
) -> Flow:
    """A flow that goes on with `ask`, for `insert_flows` and an answer's `flow`.

    Args:
        flow_id: given with the command, so that a second run of it begins the same flow.
        leased: the process that begins it goes on with it; otherwise a worker does, at once.
    """
    now = tx.now
    lease_until = now + timedelta(milliseconds=tx.settings.saga_lease_ms) if leased else None
    return Flow(
        region=command.region,
        merchant_id=command.merchant_id,
        id=flow_id,
        name=ask.flow,
        object_id=object_id,
        recovery_point=ask.name,
        status="running",
        attempts=0,
        data=data,
        note=None,
        key_id=None if command.intent is None else command.intent.id,
        correlation_id=command.correlation_id,
        created_at=now,
        updated_at=now,
        next_attempt_at=lease_until or now,
        lease_until=lease_until,
        former_region=command.former_region,
        fresh=leased,
    )
