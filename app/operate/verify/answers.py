"""Kept answers: each success names an object that exists."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from app.base import ids
from app.engine.database import Query
from app.operate.verify import disputes, payouts
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import FIRST, Row, queries, uuid_array


class _Body(msgspec.Struct):
    """The part that every successful answer has."""

    id: str
    object: str


_body = msgspec.json.Decoder(_Body)

_MISSING: dict[str, Query] = {
    "account": queries.find_missing_accounts,
    "fx_quote": queries.find_missing_quotes,
    "bank_account": payouts.queries.find_missing_bank_accounts,
    "dispute": disputes.queries.find_missing_disputes,
    "dispute_evidence": disputes.queries.find_missing_evidence,
    "payment": queries.find_missing_payments,
    "payout": payouts.queries.find_missing_payouts,
    "refund": queries.find_missing_refunds,
    "transfer": queries.find_missing_transfers,
}

Named = dict[tuple[str, str], str]
"""(merchant, object) -> the key whose answer names the object."""


async def check(audit: Audit) -> None:
    """Walk all kept answers, page by page with the objects that they name."""
    again = audit.doubled(lambda row: _name(row[0], row[2]), "the key")
    stream = audit.stream(queries.list_answers, again, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in audit.pages("kept answers", stream, queries.count_answers):
        named: defaultdict[str, Named] = defaultdict(dict)
        for merchant_id, _, key, status, body in rows:
            if status not in {200, 201}:
                continue
            try:
                said = _body.decode(body)
                if said.object in _MISSING:
                    object_id = str(ids.decode(said.object, said.id))
                    named[said.object][merchant_id, object_id] = key
            except (msgspec.MsgspecError, ids.MalformedId) as error:
                what = f"the answer {status} kept under it names nothing: {error}"
                audit.add(Check.IDEMPOTENCY_ANSWER, _name(merchant_id, key), what)
        for kind, some in named.items():
            await _check_missing(audit, kind, some)


async def _check_missing(audit: Audit, kind: str, named: Named) -> None:
    # Keys are stored in random order. Sorted by object id, neighbours share pages.
    wanted: Sequence[Row] = sorted(named)
    for region in audit.regions:
        params = {
            "region": region,
            "merchant_ids": uuid_array([merchant for merchant, _ in wanted]),
            "ids": uuid_array([object_id for _, object_id in wanted]),
        }
        wanted = await audit.snapshot.rows(_MISSING[kind], params)
        if not wanted:
            return
    for merchant_id, object_id in wanted:
        what = f"its answer names {wire(kind, object_id)}, which does not exist"
        name = _name(merchant_id, named[merchant_id, object_id])
        audit.add(Check.IDEMPOTENCY_ANSWER, name, what)


def _name(merchant_id: str, key: str) -> str:
    """The name of a key in findings: its merchant and its text."""
    return f"{wire('merchant', merchant_id)}/{key}"
