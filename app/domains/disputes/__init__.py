"""Disputes: a payer's bank wants captured money back, and the processor decides.

Guarantees: whatever a processor says of a dispute is booked once, in whatever order it is learned,
however often, and though some of it is never heard; a merchant pays the highest fee that was said;
while a dispute is open its amount is neither the merchant's nor the payer's; what cannot be booked
waits where people see it.

Owns `disputes` and `dispute_evidence`, and the flows `dispute` (which looks at each one until it is
decided), `evidence` and `acceptance`.

Never decides for a processor: a deadline that has passed is a reason to look, and nothing more.
"""

from app.domains.disputes.follow import follow_dispute
from app.domains.disputes.model import Dispute, Evidence

__all__ = ["Dispute", "Evidence", "follow_dispute"]
