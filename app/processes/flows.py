"""All flows of the product, put together: what an api process runs and a worker resumes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from app.domains.customers.flow import (
    ATTACHMENT,
    CUSTOMER,
    CUSTOMER_CHANGE,
    CUSTOMER_DELETION,
    DETACHMENT,
)
from app.domains.disputes import follow_dispute
from app.domains.disputes.flow import ACCEPTANCE, DISPUTE, EVIDENCE, EVIDENCE_PIECE
from app.domains.fx.flow import CONVERSION, QUOTE
from app.domains.ledger.flow import ACCOUNT, CLOSURE, DEPOSIT, TRANSFER
from app.domains.merchants.store import find_homes
from app.domains.notifications import NOTIFICATION
from app.domains.payments.flow import AUTHORIZATION, CANCELLATION, CAPTURE, REFUND, REFUND_FAILURE
from app.domains.payments.follow import follow_payment, follow_refund
from app.domains.payouts import flow as payouts
from app.domains.payouts.follow import follow_payout
from app.engine.database import Database, GroupCommit
from app.engine.saga import Saga, Sagas
from app.processors import Processors, World

SAGAS: Final[tuple[Saga[Any], ...]] = (
    *(ACCOUNT, CLOSURE, TRANSFER, DEPOSIT),
    *(QUOTE, CONVERSION),
    *(CUSTOMER, CUSTOMER_CHANGE, CUSTOMER_DELETION, ATTACHMENT, DETACHMENT),
    *(AUTHORIZATION, CAPTURE, CANCELLATION, REFUND, REFUND_FAILURE),
    *(payouts.BANK_ACCOUNT, payouts.PAYOUT),
    *(payouts.APPROVAL, payouts.CANCELLATION, payouts.RETURN),
    NOTIFICATION,
    *(DISPUTE, EVIDENCE_PIECE, EVIDENCE, ACCEPTANCE),
)

FOLLOWERS: Final = {
    "authorization": follow_payment,
    "capture": follow_payment,
    "bank_transfer": follow_payment,
    "refund": follow_refund,
    "payout": follow_payout,
    "dispute": follow_dispute,
}
"""Subject of a notification -> who looks at what it is about."""


def make_sagas(database: Database, group_commit: GroupCommit) -> Sagas:
    """The flows of one process."""
    return Sagas(database, group_commit, SAGAS, find_homes)


@asynccontextmanager
async def open_world(sagas: Sagas) -> AsyncIterator[World]:
    """The outside of one process, connected for as long as the block lasts.

    Raises:
        SettingsError: what is configured about processors is wrong.
    """
    async with Processors.open(sagas.database.settings) as processors:
        sagas.world = World(sagas.database, sagas, processors, FOLLOWERS)
        yield sagas.world
