"""Looks up Suya's records by the references under which the acquirer has them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from app.base import ids
from app.domains.disputes.commands import watch_of
from app.domains.disputes.model import FINAL
from app.domains.payments.model import Rail
from app.engine.database import Database, Queries, Query, arrays
from app.operate.verify import agreement
from app.operate.verify.agreement import (
    OurDispute,
    OurPayment,
    OurPayout,
    OurRefund,
    ProcessorRecord,
)
from app.operate.verify.model import wire
from app.operate.verify.store import queries as of_all
from app.operate.verify.store import uuid_array
from app.operate.verify.transfers import lines_of

queries = Queries(__package__, "against.sql")

PROCESSOR: Final = "acquirer"
"""The processor whose books are compared."""

KINDS: Final = (
    *("authorizations", "captures", "refunds"),
    *("bank_transfers", "payouts", "disputes"),
)
"""The kinds that are compared, by their name at the acquirer."""

_MONEY: Final = frozenset({"authorized", "partially_captured", "captured"})

_rail = msgspec.json.Decoder(Rail)

Judged: TypeAlias = tuple[str | None, bool, datetime | None]
"""The difference, if any; whether a flow is under way; since when it must be there, if it must."""

Key: TypeAlias = tuple[str, str]
"""(merchant, id), as text."""


def processor_of(rail: Any) -> str | None:
    """The processor that has a payment."""
    return None if rail is None else _rail.decode(rail).processor


def _key(kind: str, merchant: str, reference: str | None) -> Key | None:
    """The key of the object that a reference names; none: it is no reference of Suya's."""
    try:
        owner = str(ids.decode("merchant", merchant))
        return owner, str(ids.decode(kind, reference or ""))
    except ids.MalformedId:
        return None


def _watch_key(record: ProcessorRecord) -> Key | None:
    """The key of the flow that reads a dispute; none: its merchant is not Suya's."""
    try:
        owner = ids.decode("merchant", record.merchant)
    except ids.MalformedId:
        return None
    return str(owner), str(watch_of(owner, PROCESSOR, record.reference))


class Ours:
    """Suya's side, as it is now."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.regions: list[str] = []

    async def find_regions(self) -> None:
        """Find every region that has rows of some table."""
        while True:
            after = self.regions[-1] if self.regions else ""
            ((found,),) = await self.database.read(of_all.find_next_region, {"after": after})
            if found is None:
                return
            self.regions.append(found)

    async def judge(self, kind: str, page: Sequence[ProcessorRecord]) -> list[Judged]:
        """Compare some records; returns a verdict for each, in order."""
        if kind == "payouts":
            return await self._judge_payouts(page)
        if kind == "captures":
            return await self._judge_captures(page)
        if kind == "refunds":
            return await self._judge_refunds(page)
        if kind == "disputes":
            return await self._judge_disputes(page)
        keys = [_key("payment", record.merchant, record.reference) for record in page]
        payments = await self._payments(keys)
        return [
            self._judge_payment(kind, record, payments.get(key[1]) if key else None)
            for record, key in zip(page, keys, strict=True)
        ]

    def _judge_payment(
        self, kind: str, record: ProcessorRecord, payment: OurPayment | None
    ) -> Judged:
        if kind == "bank_transfers":
            what = agreement.judge_bank_transfer(record, payment)
        else:
            what = agreement.judge_authorization(record, payment, PROCESSOR)
        if payment is None:
            return what, False, None
        is_here = payment.processor == PROCESSOR and payment.status in _MONEY
        must = is_here and not payment.is_open
        return what, payment.is_open, payment.updated_at if must else None

    async def _judge_captures(self, page: Sequence[ProcessorRecord]) -> list[Judged]:
        keys = [_key("capture", record.merchant, record.reference) for record in page]
        owners = [_key("payment", record.merchant, record.authorization) for record in page]
        # A capture's transfer is written before its flow ends, so the flow is read first.
        payments = await self._payments(owners)
        moved: dict[str, tuple[str, int]] = {}
        for transfer_id, payment_id, account_id, text in await self._find(
            queries.find_our_captures, keys
        ):
            account = account_id.replace("-", "")
            taken = [line for line in lines_of(text) or () if line.account_id == account]
            moved[transfer_id] = payment_id, sum(line.posted_minor for line in taken)
        judged: list[Judged] = []
        for record, key, owner in zip(page, keys, owners, strict=True):
            payment = payments.get(owner[1]) if owner else None
            found = moved.get(key[1]) if key else None
            is_its = found is not None and owner is not None and found[0] == owner[1]
            what = agreement.judge_capture(record, found[1] if found and is_its else None)
            judged.append((what, payment is not None and payment.is_open, None))
        return judged

    async def _judge_refunds(self, page: Sequence[ProcessorRecord]) -> list[Judged]:
        keys = [_key("refund", record.merchant, record.reference) for record in page]
        owners = [_key("payment", record.merchant, record.authorization) for record in page]
        payments = await self._payments(owners)
        rows = await self._find(queries.find_our_refunds, keys)
        refunds = {row[0]: OurRefund(*row) for row in rows}
        judged: list[Judged] = []
        for record, key, owner in zip(page, keys, owners, strict=True):
            payment = payments.get(owner[1]) if owner else None
            refund = refunds.get(key[1]) if key else None
            if refund is not None and (owner is None or refund.payment_id != owner[1]):
                refund = None
            what = agreement.judge_refund(record, refund)
            judged.append((what, payment is not None and payment.is_open, None))
        return judged

    async def _judge_payouts(self, page: Sequence[ProcessorRecord]) -> list[Judged]:
        keys = [_key("payout", record.merchant, record.reference) for record in page]
        rows = await self._find(queries.find_our_payouts, keys)
        payouts = {row[0]: OurPayout(*row) for row in rows}
        judged: list[Judged] = []
        for record, key in zip(page, keys, strict=True):
            payout = payouts.get(key[1]) if key else None
            what = agreement.judge_payout(record, payout)
            must = payout.updated_at if payout and payout.status == "paid" else None
            judged.append((what, payout is not None and payout.is_open, must))
        return judged

    async def _judge_disputes(self, page: Sequence[ProcessorRecord]) -> list[Judged]:
        watches = [_watch_key(record) for record in page]
        owners = [_key("payment", record.merchant, record.authorization) for record in page]
        # A dispute is written before its flow ends, and a payment's flow ends before a dispute of
        # it can be written, so the flows are read first.
        running = {row[0] for row in await self._find(queries.find_running_flows, watches)}
        payments = await self._payments(owners)
        disputes = await self._disputes(
            {(key[0], r.reference) for r, key in zip(page, watches, strict=True) if key}
        )
        judged: list[Judged] = []
        for record, key, owner in zip(page, watches, owners, strict=True):
            dispute = disputes.get((key[0], record.reference)) if key else None
            what = agreement.judge_dispute(record, dispute)
            if dispute is None or key is None:
                payment = payments.get(owner[1]) if owner else None
                # One that is decided there is booked whatever is under way on its payment.
                may = record.status not in FINAL and payment is not None and payment.is_open
                judged.append((what, may, None))
            else:
                may = key[1] in running and agreement.may_catch_up(record, dispute)
                judged.append((what, may, dispute.created_at))
        return judged

    async def _disputes(self, keys: set[Key]) -> dict[Key, OurDispute]:
        """Disputes by merchant and by the acquirer's own reference."""
        found: dict[Key, OurDispute] = {}
        for region in self.regions if keys else ():
            params = {
                "region": region,
                "processor": PROCESSOR,
                "merchant_ids": uuid_array(merchant for merchant, _ in keys),
                "processor_references": arrays.texts(reference for _, reference in keys),
            }
            for row in await self.database.read(queries.find_our_disputes, params):
                found[row[0], row[1]] = OurDispute(wire("payment", row[2]), *row[3:])
        return found

    async def _payments(self, keys: Iterable[Key | None]) -> dict[str, OurPayment]:
        rows = await self._find(queries.find_our_payments, keys)
        return {row[0]: OurPayment(*(*row[:7], processor_of(row[7]), *row[8:])) for row in rows}

    async def _find(self, query: Query, keys: Iterable[Key | None]) -> list[tuple[Any, ...]]:
        """Read the rows of some objects in all regions; the rows begin with the id."""
        wanted = sorted({key for key in keys if key is not None})
        found: list[tuple[Any, ...]] = []
        for region in self.regions if wanted else ():
            params = {
                "region": region,
                "merchant_ids": uuid_array(merchant for merchant, _ in wanted),
                "ids": uuid_array(object_id for _, object_id in wanted),
            }
            found += await self.database.read(query, params)
        return found
