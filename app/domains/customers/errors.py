"""Refusals about customers and payment methods."""

from app.base.errors import NotFound, Rejected


class CustomerNotFound(NotFound):
    """There is no customer {customer}."""

    code = "customer_not_found"


class CustomerDeleted(Rejected):
    """Customer {customer} was deleted."""

    code = "customer_deleted"


class PaymentMethodNotFound(NotFound):
    """There is no payment method {payment_method}."""

    code = "payment_method_not_found"


class PaymentMethodDetached(Rejected):
    """Payment method {payment_method} was detached, and is not used again."""

    code = "payment_method_detached"


class PaymentMethodTaken(Rejected):
    """Payment method {payment_method} belongs to another customer."""

    code = "payment_method_taken"
