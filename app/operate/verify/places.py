"""Rows against the regions in which their merchants may have rows."""

from app.engine.database import Queries, arrays
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.store import FIRST, uuid_array

queries = Queries(__package__, "places.sql")

PAGE_MERCHANTS = 1_000  # each needs a look-up per table and region that must not have its rows


async def check(audit: Audit) -> None:
    """Walk all merchants: none has a row in a region that its record does not name."""
    after = FIRST
    while True:
        params = {"after": after, "page_size": PAGE_MERCHANTS}
        merchants = await audit.snapshot.rows(queries.list_homes, params)
        elsewhere = [
            (merchant_id, region)
            for merchant_id, home, former in merchants
            for region in audit.regions
            if region not in {home, former}
        ]
        if elsewhere:
            params = {
                "merchant_ids": uuid_array(merchant_id for merchant_id, _ in elsewhere),
                "regions": arrays.words(region for _, region in elsewhere),
            }
            for merchant_id, region, table in await audit.snapshot.rows(
                queries.find_left_behind, params
            ):
                what = f"it has {table} in {region}, which is not its home"
                audit.add(Check.ONE_REGION, wire("merchant", merchant_id), what)
        if len(merchants) < PAGE_MERCHANTS:
            return
        after = merchants[-1][0]
