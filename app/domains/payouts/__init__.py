"""Payouts: merchants' available money on its way to their bank accounts.

Guarantees: no more is paid out than is available; a payout above the limit needs a second key; the
money leaves the available balance once and comes back at most once; what the bank did is found out
by our own reference and never guessed.

Owns `bank_accounts`, `payouts`, `payout_files` and `payout_plans`.

Never moves money itself: it asks the ledger. Never shows an account's number.
"""

from app.domains.payouts.model import BankAccount, Payout, PayoutFile, PayoutPlan

__all__ = ["BankAccount", "Payout", "PayoutFile", "PayoutPlan"]
