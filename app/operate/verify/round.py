"""One round of verification, which the command passes to the worker."""

from uuid import UUID

from app.base.telemetry import log, metrics
from app.engine.database import Database
from app.engine.database.leases import take_lease
from app.operate.verify.run import verify

LEASE_S = 600.0  # reading a large database may take minutes
_LOGGED_MAX = 100  # the log is for alarms; `suya verify` shows all findings


async def audit(database: Database, holder: UUID) -> None:
    """Verify the books and publish the number of findings, unless another worker does."""
    if not await take_lease(database, database.settings.region, "audit", holder, seconds=LEASE_S):
        return
    findings = await verify(database.url, lambda *_: None)
    metrics.verify_findings.set(len(findings))
    for finding in findings[:_LOGGED_MAX]:
        log.error(
            "verify_finding", check=finding.check, object=finding.object, detail=finding.detail
        )
    log.info("verified", findings=len(findings))
