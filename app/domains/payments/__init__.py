"""Payments: what payers owe through us, from wallets and by cards and banks.

Guarantees: never more captured than authorized, never more refunded than captured; each change is
one transfer, one event and one answer, in one transaction.

Owns `payments`, `payment_labels` and `refunds`.

Never moves money itself: it asks the ledger.
"""

from app.domains.payments.model import Payment, Refund

__all__ = ["Payment", "Refund"]
