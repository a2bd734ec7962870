"""Disputes at Stripe."""

from typing import Any

import stripe

from app.processors.model import DisputeState, Verdict
from app.processors.stripe.client import decide, options, query
from app.processors.stripe.objects import ClosedDispute, StripeDispute, judge_dispute, read


class StripeDisputes:
    """The port `Disputes`."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._disputes = client.v1.disputes

    async def find_dispute(self, dispute_id: str) -> DisputeState | Verdict:
        params: Any = {"expand": ["payment_intent"]}
        response = await query(self._disputes.retrieve_async(dispute_id, params))
        dispute = response if isinstance(response, Verdict) else read(response.body, StripeDispute)
        return dispute if isinstance(dispute, Verdict) else judge_dispute(dispute)

    async def submit_evidence(self, dispute_id: str, evidence: str, reference: str) -> Verdict:
        """Declined if it is too late for evidence; Stripe takes evidence once."""
        params: Any = {"evidence": {"uncategorized_text": evidence}, "submit": True}
        call = self._disputes.update_async(dispute_id, params, options(key=reference))
        response = await decide(call)
        if isinstance(response, Verdict):
            return response
        return Verdict("approved", processor_reference=dispute_id)

    async def accept_dispute(self, dispute_id: str, reference: str) -> Verdict:
        """Declined if it was decided before."""
        call = self._disputes.close_async(dispute_id, {}, options(key=reference))
        response = await decide(call)
        dispute = response if isinstance(response, Verdict) else read(response.body, ClosedDispute)
        if isinstance(dispute, Verdict):
            return dispute
        return Verdict(
            "approved" if dispute.status == "lost" else "declined",
            processor_reference=dispute_id,
            code=None if dispute.status == "lost" else dispute.status,
        )
