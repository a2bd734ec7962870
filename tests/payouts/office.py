"""An office whose payouts in euros go by file."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from app.base import ids
from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api
from tests.support.payouts import IBAN, earn
from tests.support.processes import ADMIN_KEY, Process

BY_FILE = {
    "payout_eur_road": "file",
    "payout_debtor_iban": IBAN,
    "payout_check_ms": "200",  # the bank's notifications go to the api that all tests share
}


class Office(NamedTuple):
    """An api whose payouts in euros go by file, and what makes the files."""

    api: Api
    database_url: str
    settings: dict[str, str]
    folder: Path

    async def merchant(self, funds: int = 100_000, **fields: Any) -> Merchant:
        """A merchant without fees, and money available."""
        made = await new_merchant(self.api.as_(ADMIN_KEY), fee_bps=0, fee_fixed=0, **fields)
        await earn(made, funds)
        return made

    def suya(self, *words: str) -> Any:
        """What a command prints as JSON; it must end well."""
        code, said = self._run(*words, "--json")
        assert code == 0, said
        # Lines of the log come before, and between them, what is printed.
        return json.loads(said[said.index("\n{\n") if "\n{\n" in said else said.index("{\n") :])

    def refused(self, *words: str) -> str:
        """What a command says that does nothing."""
        code, said = self._run(*words)
        assert code == 1, said
        return " ".join(said.split())

    def files(self) -> list[dict[str, Any]]:
        """The files that `suya payouts file` made or sent just now."""
        found: list[dict[str, Any]] = self.suya("payouts", "file")["data"]
        return found

    def _run(self, *words: str) -> tuple[int, str]:
        log = self.folder / f"{ids.new()}.log"
        settings = self.settings | {"database_url": self.database_url, "log_format": "json"}
        process = Process(words, log, settings | {"home": str(self.folder)})
        process.spawn()
        return process.wait(60), log.read_text("utf-8")
