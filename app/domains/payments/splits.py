"""Who gets what of a capture, and who gives what of a refund: pure.

The payer's side is in the payment's currency. The merchant's side and the fee are in the currency
that the merchant gets: the same one, or that of the quote at which the payment converts.
"""

from uuid import UUID

import msgspec

from app.base.money import divide_half_even
from app.domains import fx
from app.domains.fx import Conversion, Quote
from app.domains.ledger import Change
from app.domains.ledger.model import ChartAccount, merchant_account, platform_account
from app.domains.payments.model import Payment, Refund


class RefundSplit(msgspec.Struct, frozen=True):
    """What a refund moves."""

    amount_minor: int
    """What the payer gets."""
    fee_minor: int
    """What the platform gives back of its fee."""
    exchanged: Conversion | None
    """The part of the payment's conversion that is taken back, if it converts."""

    @property
    def merchant_minor(self) -> int:
        """What the merchant gives."""
        gross = self.amount_minor if self.exchanged is None else self.exchanged.target_minor
        return gross - self.fee_minor


def fee_account(region: str, currency: str, stripe: int) -> ChartAccount:
    """The stripe of the platform's fee account that this writer uses."""
    return platform_account(region, currency, "platform_fees", stripe)


def available_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """What a merchant can dispose of; refunds come from it."""
    return merchant_account(merchant_id, currency, "merchant_available")


def receivable_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """What processors owe a merchant; each merchant has its own, so no row is hot."""
    return merchant_account(merchant_id, currency, "processor_receivable")


def captured_account(merchant_id: UUID, currency: str, method: str) -> ChartAccount:
    """Where captured money goes: at once available, or pending until the processor settles."""
    kind = "merchant_available" if method == "wallet" else "merchant_pending"
    return merchant_account(merchant_id, currency, kind)


def accounts_of_capture(payment: Payment, region: str, stripe: int) -> list[ChartAccount]:
    """The accounts that a capture may touch, beside those of the hold."""
    currency = payment.merchant_currency
    accounts = [fee_account(region, currency, stripe)]
    if payment.exchange is not None:
        accounts.append(captured_account(payment.merchant_id, currency, payment.method))
        accounts += _fx_accounts(payment, region, stripe)
    return accounts


def accounts_of_quote(quote: Quote, region: str, stripe: int) -> list[ChartAccount]:
    """The accounts that a payment at a quote may touch at once, beside the payer's."""
    currencies = (quote.source_currency, quote.target_currency)
    return [
        fee_account(region, quote.target_currency, stripe),
        available_account(quote.merchant_id, quote.target_currency),
        *fx.chart_accounts(region, *currencies, stripe=stripe),
    ]


def accounts_of_refund(payment: Payment, region: str, stripe: int) -> list[ChartAccount]:
    """The accounts that a refund, or its failure, may touch, beside the payer's."""
    currency = payment.merchant_currency
    accounts = [available_account(payment.merchant_id, currency)]
    if payment.fee_terms.refunded:
        accounts.append(fee_account(region, currency, stripe))
    if payment.exchange is not None:
        accounts += _fx_accounts(payment, region, stripe)
    return accounts


def _fx_accounts(payment: Payment, region: str, stripe: int) -> list[ChartAccount]:
    assert payment.exchange is not None
    whole = payment.exchange.whole
    return fx.chart_accounts(region, whole.source_currency, whole.target_currency, stripe=stripe)


def capture_split(
    payment: Payment, amount_minor: int, fee_minor: int, *, region: str, stripe: int
) -> tuple[int, list[Change]]:
    """What of a capture goes elsewhere than to the merchant in the payment's currency, and where.

    That is the fee; or, where the payment converts, all of it.
    """
    fee = _moved(fee_account(region, payment.merchant_currency, stripe), fee_minor)
    if payment.exchange is None:
        return fee_minor, fee
    whole = payment.exchange.whole
    assert amount_minor == whole.source_minor, "what converts is captured at once, as a whole"
    merchant = captured_account(payment.merchant_id, whole.target_currency, payment.method)
    changes = _moved(merchant, whole.target_minor - fee_minor) + fee
    return amount_minor, changes + fx.legs(region, whole, stripe=stripe)


def refund_split(payment: Payment, amount_minor: int) -> RefundSplit:
    """What the next refund of a payment moves; conversions go back at the payment's own rate."""
    exchanged = None
    if payment.exchange is not None:
        exchanged = fx.part(payment.exchange.whole, payment.exchange.refunded, amount_minor)
    fee = 0
    if payment.fee_terms.refunded:
        # The fee's share is reckoned on all that was refunded so far, so that parts sum to it.
        refunded = payment.amount_refunded_minor + amount_minor
        due = divide_half_even(payment.fee_minor * refunded, payment.amount_captured_minor)
        gross = amount_minor if exchanged is None else exchanged.target_minor
        fee = max(0, min(gross, due - payment.fee_refunded_minor))
    return RefundSplit(amount_minor, fee, exchanged)


def split_of(refund: Refund) -> RefundSplit:
    """What a refund has moved."""
    return RefundSplit(refund.amount_minor, refund.fee_refunded_minor, refund.exchanged)


def refund_changes(
    payment: Payment, split: RefundSplit, *, region: str, stripe: int, failed: bool = False
) -> list[Change]:
    """What a refund changes; or, `failed`, what takes it back."""
    sign = -1 if failed else 1
    currency = payment.merchant_currency
    changes = _moved(available_account(payment.merchant_id, currency), -sign * split.merchant_minor)
    changes += _moved(fee_account(region, currency, stripe), -sign * split.fee_minor)
    if split.exchanged is not None:
        changes += fx.legs(region, split.exchanged, stripe=stripe, back=not failed)
    payer = ChartAccount(payment.merchant_id, payment.account_id, "", payment.currency)
    return changes + _moved(payer, sign * split.amount_minor)


def _moved(account: ChartAccount, credit_minor: int) -> list[Change]:
    """A change of an account, unless nothing moves; the platform's accounts are nobody's."""
    if credit_minor > 0:
        return [Change(account.merchant_id, account.id, "credit", credit_minor)]
    if credit_minor < 0:
        return [Change(account.merchant_id, account.id, "debit", -credit_minor)]
    return []
