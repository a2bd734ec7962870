"""Making, listing, replacing and ending fee plans: seldom, so one at a time."""

from typing import Final
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.domains.merchants.admin import get_merchant, queries
from app.domains.merchants.errors import FeePlanEnded, FeePlanExists, FeePlanNotFound
from app.domains.merchants.fees import FeePlan, FeeRates
from app.engine.database import Database, Reader, Tx, transact

PLANS_PAGE: Final = 1_000


async def create_plan(
    database: Database, merchant_id: UUID, *, rail: str, currency: str, terms: FeeRates
) -> FeePlan:
    """Bring a fee plan into force; payments that are made from then on come under it.

    Raises: (the first that applies)
        MerchantNotFound
        FeePlanExists: one for this rail and currency is in force.
    """
    await get_merchant(database, merchant_id)
    plan = _plan(merchant_id, rail, currency, terms)

    async def work(tx: Tx) -> None:
        await _insert(tx, plan)

    await transact(database, work)
    return plan


async def replace_plan(database: Database, plan_id: UUID, terms: FeeRates) -> FeePlan:
    """End a fee plan and bring another one for the same into force, without a moment between.

    Raises: (the first that applies)
        FeePlanNotFound, FeePlanEnded
    """
    new_id = ids.new()

    async def work(tx: Tx) -> FeePlan:
        if tx.attempt > 1 and (made := await _find(tx, new_id)):
            return made  # an earlier attempt of unknown outcome committed
        old = await _end(tx, plan_id)
        plan = _plan(old.merchant_id, old.rail, old.currency, terms, new_id)
        await _insert(tx, plan)
        return plan

    return await transact(database, work)


async def end_plan(database: Database, plan_id: UUID) -> FeePlan:
    """End a fee plan; ending it again changes nothing.

    Raises:
        FeePlanNotFound
    """

    async def work(tx: Tx) -> FeePlan:
        found = await _find(tx, plan_id)
        if found is None:
            raise FeePlanNotFound(fee_plan=ids.encode("fee_plan", plan_id))
        return found if found.ended_at else await _end(tx, plan_id)

    return await transact(database, work)


async def list_plans(
    reader: Reader, merchant_id: UUID, after: UUID = ids.NIL, limit: int = PLANS_PAGE
) -> list[FeePlan]:
    """A merchant's fee plans after a position, ended ones too, in the order of their making."""
    params = {"merchant_id": merchant_id, "after": after, "page_size": limit}
    return [FeePlan(*row) for row in await reader.read(queries.list_plans, params)]


async def list_plans_in_force(reader: Reader, merchant_id: UUID) -> tuple[FeePlan, ...]:
    """A merchant's fee plans that are in force."""
    rows = await reader.read(queries.list_plans_in_force, {"merchant_id": merchant_id})
    return tuple(FeePlan(*row) for row in rows)


def _plan(
    merchant_id: UUID, rail: str, currency: str, terms: FeeRates, plan_id: UUID | None = None
) -> FeePlan:
    return FeePlan(
        id=plan_id or ids.new(),
        merchant_id=merchant_id,
        rail=rail,
        currency=currency,
        bps=terms.bps,
        fixed_minor=terms.fixed_minor,
        min_minor=terms.min_minor,
        max_minor=terms.max_minor,
        refunded=terms.refunded,
        created_at=clock.now(),
    )


async def _find(tx: Tx, plan_id: UUID) -> FeePlan | None:
    rows = await tx.rows(queries.lock_plan, {"id": plan_id})
    return FeePlan(*rows[0]) if rows else None


async def _end(tx: Tx, plan_id: UUID) -> FeePlan:
    name = ids.encode("fee_plan", plan_id)
    plan = await _find(tx, plan_id)
    if plan is None:
        raise FeePlanNotFound(fee_plan=name)
    if plan.ended_at is not None:
        raise FeePlanEnded(fee_plan=name)
    now = clock.now()
    await tx.execute(queries.end_plan, {"id": plan_id, "now": now})
    return msgspec.structs.replace(plan, ended_at=now)


async def _insert(tx: Tx, plan: FeePlan) -> None:
    params = msgspec.structs.asdict(plan)
    del params["ended_at"]
    if await tx.execute(queries.insert_plan, params) == 0 and not await _find(tx, plan.id):
        raise FeePlanExists(merchant=ids.encode("merchant", plan.merchant_id))
