"""`suya doctor`: what is found in a user's installation, and which command mends it.

Guarantees: every line is something that was looked at just now; what cannot be looked at is said
to be so. No secret is shown.

Owns no table.

Never changes anything.
"""

from app.operate.doctor.examine import examine
from app.operate.doctor.model import Diagnosis

__all__ = ["Diagnosis", "examine"]
