"""Bank transfers and payouts at the acquirer."""

from http import HTTPStatus

import msgspec

from app.processors.acquirer.client import AcquirerClient
from app.processors.acquirer.objects import (
    TOO_LATE,
    FileReport,
    money,
    path_part,
    read,
    to_verdict,
)
from app.processors.model import AskBankTransfer, AskPayout, FileState, Verdict
from app.processors.transport import HttpResponse
from app.processors.vault_transport import read_code

_report = msgspec.json.Decoder(FileReport)


class AcquirerBanks:
    """The port `Banks`."""

    def __init__(self, client: AcquirerClient) -> None:
        self._client = client

    async def expect_transfer(self, ask: AskBankTransfer) -> Verdict:
        return await self._client.command("bank_transfers", ask, money(ask))

    async def find_transfer(self, ask: AskBankTransfer) -> Verdict:
        return await self._client.find("bank_transfers", ask)

    async def pay_out(self, ask: AskPayout) -> Verdict:
        content = money(ask) | {"iban": ask.iban, "name": ask.name}
        return await self._client.command("payouts", ask, content)

    async def find_payout(self, ask: AskPayout) -> Verdict:
        return await self._client.find("payouts", ask)

    async def cancel_payout(self, ask: AskPayout) -> Verdict:
        """Approved: it will not be paid. Declined: it is too late."""
        path = f"payouts/{path_part(ask.reference)}/cancel"
        response = await self._client.send("POST", path, {})
        if isinstance(response, HttpResponse) and response.status == HTTPStatus.CONFLICT:
            return Verdict("declined", code=read_code(response.body) or TOO_LATE)
        verdict = to_verdict(response, ask, is_query=False)
        if verdict.code == "canceled":
            return msgspec.structs.replace(verdict, outcome="approved", code=None)
        if verdict.outcome in {"approved", "pending"}:
            return msgspec.structs.replace(verdict, outcome="declined", code=TOO_LATE)
        return verdict

    async def submit_file(self, content: str) -> FileState | Verdict:
        """Submit a file; the bank takes it once, under the message id inside it."""
        response = await self._client.send_file("payout_files", content)
        report = read(response, _report, is_query=False)
        return report if isinstance(report, Verdict) else report.to_state()
