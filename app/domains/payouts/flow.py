"""The flows of payouts.

Each payout has one flow, with the payout's own id: it brings the order to the bank and waits for
the bank's word. A cancellation takes the flow over, so that nobody asks the bank for both at once.
"""

from app.domains.payouts.asks import recall_payout, send_payout
from app.domains.payouts.bookings import book_payouts
from app.domains.payouts.commands import (
    AddBankAccount,
    ApprovePayout,
    CancelPayout,
    OpenPayout,
    ReturnPayout,
)
from app.domains.payouts.steps import (
    add_bank_accounts,
    approve_payouts,
    cancel_payouts,
    open_payouts,
    return_payouts,
)
from app.engine.saga import Saga, atomic, external

BANK_ACCOUNT: Saga[AddBankAccount] = Saga("bank_account", atomic(add_bank_accounts))

PAYOUT: Saga[OpenPayout] = Saga(
    "payout",
    atomic(open_payouts),
    external(send_payout, undo=recall_payout),
    atomic(book_payouts),
)

APPROVAL: Saga[ApprovePayout] = Saga("payout_approval", atomic(approve_payouts))

CANCELLATION: Saga[CancelPayout] = Saga("payout_cancellation", atomic(cancel_payouts))

RETURN: Saga[ReturnPayout] = Saga("payout_return", atomic(return_payouts))
