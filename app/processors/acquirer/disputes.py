"""Disputes at the acquirer."""

from http import HTTPStatus
from typing import Any

import msgspec

from app.processors.acquirer.client import AcquirerClient
from app.processors.acquirer.objects import TOO_LATE, AcquirerDispute, path_part, read
from app.processors.model import DisputeState, Verdict
from app.processors.transport import HttpResponse
from app.processors.vault_transport import read_code

_dispute = msgspec.json.Decoder(AcquirerDispute)


class AcquirerDisputes:
    """The port `Disputes`."""

    def __init__(self, client: AcquirerClient) -> None:
        self._client = client

    async def find_dispute(self, dispute_id: str) -> DisputeState | Verdict:
        response = await self._client.send("GET", f"disputes/{path_part(dispute_id)}")
        dispute = read(response, _dispute, is_query=True)
        return dispute if isinstance(dispute, Verdict) else dispute.to_state()

    async def submit_evidence(self, dispute_id: str, evidence: str, reference: str) -> Verdict:
        """Declined if it is too late for evidence."""
        content = {"reference": reference, "text": evidence}
        return await self._respond(dispute_id, "evidence", content)

    async def accept_dispute(self, dispute_id: str, reference: str) -> Verdict:
        """Declined if it is won. Accepting twice has the effect of once.

        So no reference is needed.
        """
        del reference
        return await self._respond(dispute_id, "accept", {})

    async def _respond(self, dispute_id: str, how: str, content: Any) -> Verdict:
        path = f"disputes/{path_part(dispute_id)}/{how}"
        response = await self._client.send("POST", path, content)
        if isinstance(response, HttpResponse) and response.status == HTTPStatus.CONFLICT:
            return Verdict("declined", code=read_code(response.body) or TOO_LATE)
        dispute = read(response, _dispute, is_query=False)
        if isinstance(dispute, Verdict):
            return dispute
        return Verdict("approved", processor_reference=dispute.id)
