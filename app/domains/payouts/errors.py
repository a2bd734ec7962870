"""Refusals of payouts."""

from app.base.errors import NotFound, Rejected, Unavailable


class BankAccountNotFound(NotFound):
    """There is no bank account {bank_account}."""

    code = "bank_account_not_found"


class NoBankOfMode(Rejected):
    """No bank here takes payouts of {mode} merchants."""

    code = "no_bank_of_mode"


class AccountOutsideSepa(Rejected):
    """Payouts in EUR go by SEPA, which does not reach bank account {bank_account} ({country})."""

    code = "account_outside_sepa"


class PayoutNotFound(NotFound):
    """There is no payout {payout}."""

    code = "payout_not_found"


class PayoutNotApprovable(Rejected):
    """Payout {payout} is {status}; only payouts that require approval can be approved."""

    code = "payout_not_approvable"


class ApprovalBySameKey(Rejected):
    """Payout {payout} was made with this API key; it has to be approved with another one."""

    code = "approval_by_same_key"


class PayoutNotCancelable(Rejected):
    """Payout {payout} is {status}; only what the bank has not executed can be canceled."""

    code = "payout_not_cancelable"


class PayoutNotStopped(Rejected):
    """The bank does not stop payout {payout} any more."""

    code = "payout_not_stopped"


class PayoutNotEnded(Rejected):
    """Payout {payout} is {status}; only one that ended unpaid can be paid after all."""

    code = "payout_not_ended"


class PayoutUndecided(Unavailable):
    """Nobody knows yet whether the bank has payout {payout}; send the same request again."""

    code = "payout_undecided"
    retry_after_s = 5


class NothingToPayOut(Rejected):
    """Account {account} has nothing available to pay out."""

    code = "nothing_to_pay_out"
