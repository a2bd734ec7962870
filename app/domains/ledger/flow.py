"""The flows of the ledger that clients start. Each is one atomic step."""

from app.domains.ledger.commands import CloseAccount, MakeDeposit, MakeTransfer, OpenAccount
from app.domains.ledger.steps import close_accounts, make_deposits, make_transfers, open_accounts
from app.engine.saga import Saga, atomic

ACCOUNT: Saga[OpenAccount] = Saga("account", atomic(open_accounts))

CLOSURE: Saga[CloseAccount] = Saga("closure", atomic(close_accounts))

TRANSFER: Saga[MakeTransfer] = Saga("transfer", atomic(make_transfers))

DEPOSIT: Saga[MakeDeposit] = Saga("deposit", atomic(make_deposits))
