"""What a processor answers that has cards and no banks."""

from app.processors.model import AskBankTransfer, AskPayout, FileState, Verdict, not_executed


class WithoutBanks:
    """Bank transfers and payouts are not executed, and none is found."""

    async def expect_transfer(self, ask: AskBankTransfer) -> Verdict:
        del ask
        return not_executed("not_supported")

    async def find_transfer(self, ask: AskBankTransfer) -> Verdict:
        del ask
        return Verdict("not_found")

    async def pay_out(self, ask: AskPayout) -> Verdict:
        del ask
        return not_executed("not_supported")

    async def find_payout(self, ask: AskPayout) -> Verdict:
        del ask
        return Verdict("not_found")

    async def cancel_payout(self, ask: AskPayout) -> Verdict:
        del ask
        return not_executed("not_supported")

    async def submit_file(self, content: str) -> FileState | Verdict:
        del content
        return not_executed("not_supported")
