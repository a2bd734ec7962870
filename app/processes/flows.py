"""The flows that call processors: an api process begins them, and a worker resumes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from app.domains.disputes import follow_dispute
from app.domains.disputes.flow import ACCEPTANCE, DISPUTE, EVIDENCE
from app.domains.merchants.reads import find_homes
from app.domains.notifications import NOTIFICATION
from app.domains.payments.flow import AUTHORIZATION, CANCELLATION, CAPTURE, REFUND
from app.domains.payments.follow import follow_payment, follow_refund
from app.domains.payouts.flow import PAYOUT
from app.domains.payouts.follow import follow_payout
from app.engine.database import Database, GroupCommit
from app.engine.saga import Saga, Sagas
from app.processors import Processors, World

SAGAS: Final[tuple[Saga[Any], ...]] = (
    *(AUTHORIZATION, CAPTURE, CANCELLATION, REFUND),
    PAYOUT,
    NOTIFICATION,
    *(DISPUTE, EVIDENCE, ACCEPTANCE),
)

FOLLOWERS: Final = {
    "authorization": follow_payment,
    "capture": follow_payment,
    "bank_transfer": follow_payment,
    "refund": follow_refund,
    "payout": follow_payout,
    "dispute": follow_dispute,
}
"""Subject of a notification -> the function that finds out what happened to it."""


def make_sagas(database: Database, group_commit: GroupCommit, processors: Processors) -> Sagas:
    """Create the flows of one process, with the world for their external steps."""
    return Sagas(
        database,
        group_commit,
        SAGAS,
        find_homes,
        lambda sagas: World(database, sagas, processors, FOLLOWERS),
    )


@asynccontextmanager
async def open_world(database: Database) -> AsyncIterator[World]:
    """Open the flows of one process and its processors, for as long as the block lasts.

    At its end the work in hand is finished, within `drain_timeout_ms`.

    Raises:
        SettingsError: a setting or a rule about processors is wrong.
    """
    group_commit, drain_s = GroupCommit(database), database.settings.drain_timeout_ms / 1000
    async with Processors.open(database.settings) as processors:
        sagas = make_sagas(database, group_commit, processors)
        try:
            yield sagas.world
        finally:
            # The queue stays open while flows book their last results; workers resume what is not
            # finished.
            await sagas.close(drain_s / 2)
            await group_commit.close(drain_s / 2)
