"""Card payments at the acquirer."""

from app.processors.acquirer.client import AcquirerClient
from app.processors.acquirer.objects import path_part, to_verdict
from app.processors.model import AskAuthorization, AskCapture, AskRefund, AskReversal, Verdict


class AcquirerCards:
    """The port `Cards`."""

    def __init__(self, client: AcquirerClient) -> None:
        self._client = client

    async def authorize(self, ask: AskAuthorization) -> Verdict:
        """Authorize through the vault, which has the card and the whole request around it."""
        fields = {
            "reference": ask.reference,
            "amount": ask.amount_minor,
            "currency": ask.currency,
            "capture": ask.capture,
        }
        if ask.sandbox_fault:
            fields["sandbox_fault"] = ask.sandbox_fault
        response = await self._client.send_card("authorize", ask, ask.card, fields)
        return to_verdict(response, ask, is_query=False)

    async def find_authorization(self, ask: AskAuthorization) -> Verdict:
        return await self._client.find("authorizations", ask)

    async def capture(self, ask: AskCapture) -> Verdict:
        content = {"reference": ask.reference, "amount": ask.amount_minor, "final": ask.final}
        path = f"authorizations/{path_part(ask.authorization)}/captures"
        return await self._client.command(path, ask, content)

    async def find_capture(self, ask: AskCapture) -> Verdict:
        return await self._client.find("captures", ask)

    async def reverse(self, ask: AskReversal) -> Verdict:
        content = {"reference": ask.reference, "refund_captured": ask.refund_captured}
        path = f"authorizations/{path_part(ask.authorization)}/reversals"
        return await self._client.command(path, ask, content)

    async def refund(self, ask: AskRefund) -> Verdict:
        content = {
            "reference": ask.reference,
            "authorization": ask.authorization,
            "amount": ask.amount_minor,
        }
        return await self._client.command("refunds", ask, content)

    async def find_refund(self, ask: AskRefund) -> Verdict:
        return await self._client.find("refunds", ask)
