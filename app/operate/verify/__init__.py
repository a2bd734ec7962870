"""`suya verify`: checks whether the books are in order, as of one moment, while payments go on.

Guarantees: every row of every table is read in one consistent snapshot. Each finding names its
check and the id of its object on the wire. Memory does not grow with the database.

Owns no table.

Never writes and never corrects: a person has to judge what is wrong.
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
