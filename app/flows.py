"""All flows of the product, put together: what an api process runs and a worker resumes."""

from typing import Any, Final

from app.customers.saga import (
    ATTACHMENT,
    CUSTOMER,
    CUSTOMER_CHANGE,
    CUSTOMER_DELETION,
    DETACHMENT,
)
from app.database import Database, GroupCommit
from app.fx.saga import CONVERSION, QUOTE
from app.ledger.saga import ACCOUNT, CLOSURE, DEPOSIT, TRANSFER
from app.merchants.homes import find_homes
from app.payments.saga import CAPTURE, PAYMENT, REFUND, RELEASE
from app.payouts.saga import APPROVAL, BANK_ACCOUNT, CANCELLATION, PAYOUT, RETURN
from app.saga import Saga, Sagas

SAGAS: Final[tuple[Saga[Any], ...]] = (
    *(ACCOUNT, CLOSURE, TRANSFER, DEPOSIT),
    *(QUOTE, CONVERSION),
    *(CUSTOMER, CUSTOMER_CHANGE, CUSTOMER_DELETION, ATTACHMENT, DETACHMENT),
    *(PAYMENT, CAPTURE, RELEASE, REFUND),
    *(BANK_ACCOUNT, PAYOUT, APPROVAL, CANCELLATION, RETURN),
)


def make_sagas(database: Database, group_commit: GroupCommit) -> Sagas:
    """The flows of one process."""
    return Sagas(database, group_commit, SAGAS, find_homes)
