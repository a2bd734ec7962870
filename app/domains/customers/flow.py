"""The flows of customers and payment methods. Each is one atomic step."""

from app.domains.customers.commands import (
    AddCustomer,
    AttachMethod,
    ChangeCustomer,
    DeleteCustomer,
    DetachMethod,
)
from app.domains.customers.steps import (
    attach_methods,
    create_customers,
    delete_customers,
    detach_methods,
    update_customers,
)
from app.engine.saga import Saga, atomic

CUSTOMER: Saga[AddCustomer] = Saga("customer", atomic(create_customers))

CUSTOMER_CHANGE: Saga[ChangeCustomer] = Saga("customer_change", atomic(update_customers))

CUSTOMER_DELETION: Saga[DeleteCustomer] = Saga("customer_deletion", atomic(delete_customers))

ATTACHMENT: Saga[AttachMethod] = Saga("attachment", atomic(attach_methods))

DETACHMENT: Saga[DetachMethod] = Saga("detachment", atomic(detach_methods))
