"""`suya doctor`: what is wrong with an installation, and which command corrects it.

Guarantees: every line shows something that was checked just now; what could not be checked is
reported as such. No secret is shown.

Owns no table.

Never changes anything.
"""

from app.operate.doctor.examine import examine
from app.operate.doctor.model import Diagnosis

__all__ = ["Diagnosis", "examine"]
