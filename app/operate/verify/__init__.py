"""`suya verify`: whether the books are in order, as of one moment, while payments go on.

Guarantees: every row of every table is looked at in one consistent snapshot; what is off is named
by its check and its id on the wire. Memory does not grow with the database.

Owns no table.

Never writes, and never mends: what is off is for a person to judge.
"""

from app.operate.verify.against import Comparison, Disagreement, compare
from app.operate.verify.model import FINDINGS_MAX, AuditReport, Check, Finding
from app.operate.verify.records import AcquirerSilent
from app.operate.verify.round import audit
from app.operate.verify.run import report, verify, verify_database

__all__ = [
    "FINDINGS_MAX",
    "AcquirerSilent",
    "AuditReport",
    "Check",
    "Comparison",
    "Disagreement",
    "Finding",
    "audit",
    "compare",
    "report",
    "verify",
    "verify_database",
]
