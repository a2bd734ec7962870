"""Customers of merchants, and the cards they pay with.

Guarantees: a payment method is a token of the vault that belongs to this merchant, with what may be
shown of its card; one that was detached is not used again; a deleted customer has none attached.

Owns `customers` and `payment_methods`.

Never sees a card number, and never asks the vault: what the vault says of a token comes in with the
command (`CardFacts`). Who pays with a `pm_...` does it in the api by `app.api.routes.vault.adopt`,
which looks here first (`find_method`), and has one registered that is not known yet
(`AttachMethod`):

    method = await adopt(call, body.payment_method.id)   # 404, 409 or 503 as a PlatformError
    ... method.token, method.brand, method.last4, method.customer_id ...
"""

from app.domains.customers.commands import (
    AddCustomer,
    AttachMethod,
    ChangeCustomer,
    DeleteCustomer,
    DetachMethod,
)
from app.domains.customers.model import CardFacts, Customer, PaymentMethod, refuse_use
from app.domains.customers.reads import find_customer, find_method

__all__ = [
    "AddCustomer",
    "AttachMethod",
    "CardFacts",
    "ChangeCustomer",
    "Customer",
    "DeleteCustomer",
    "DetachMethod",
    "PaymentMethod",
    "find_customer",
    "find_method",
    "refuse_use",
]
