"""Refusals of the ledger."""

from app.base.errors import Declined, NotFound, Rejected


class AccountNotFound(NotFound):
    """There is no account {account}."""

    code = "account_not_found"


class AccountClosed(Rejected):
    """Account {account} is closed."""

    code = "account_closed"


class AccountNotUsable(Rejected):
    """Account {account} is a {kind} account; only customer wallets can be used here."""

    code = "account_not_usable"


class AccountNotEmpty(Rejected):
    """Account {account} still has money or open holds; only an empty account can be closed."""

    code = "account_not_empty"


class AccountsMustDiffer(Rejected):
    """A transfer has at most one entry per account; {account} stands in it twice."""

    code = "accounts_must_differ"


class CurrencyEnded(Rejected):
    """{currency} is no currency any more since {ended_on}: nothing new begins in it."""

    code = "currency_ended"


class CurrencyMismatch(Rejected):
    """Account {account} holds {currency} and not {asked_currency}."""

    code = "currency_mismatch"


class TransferUnbalanced(Rejected):
    """The debits of a transfer must equal its credits; they are {debits} and {credits}."""

    code = "transfer_unbalanced"


class InsufficientFunds(Declined):
    """Account {account} has {available} available and {asked} were asked for (minor units)."""

    code = "insufficient_funds"


class NegativeLimitExceeded(Rejected):
    """This would take what is available to {available}, and the limit is -{limit}."""

    code = "negative_limit_exceeded"


class BalanceLimit(Rejected):
    """The balance of account {account} would pass the largest amount that can be kept."""

    code = "balance_limit"


class TransferNotFound(NotFound):
    """There is no transfer {transfer}."""

    code = "transfer_not_found"


class HoldNotOpen(Rejected):
    """The hold has ended already: it is {status}."""

    code = "hold_not_open"


class HoldExceeded(Rejected):
    """{left} are left of the hold and {asked} were asked for (minor units)."""

    code = "hold_exceeded"
