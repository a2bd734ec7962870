"""The atomic steps of customers and payment methods: many commands in, one answer for each out."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.base.errors import PlatformError
from app.domains.customers import model, store
from app.domains.customers.commands import (
    AddCustomer,
    AttachMethod,
    ChangeCustomer,
    DeleteCustomer,
    DetachMethod,
)
from app.domains.customers.model import Customer, PaymentMethod
from app.domains.customers.views import customer_text, method_text
from app.engine import events, idempotency
from app.engine.database import Tx, step
from app.engine.events import Fact
from app.engine.idempotency import Answer, Command, refusal


class _Changes:
    """What a batch changes, and the events about it, written at its end."""

    def __init__(self, tx: Tx, region: str) -> None:
        self.tx = tx
        self.region = region
        self.facts: list[Fact] = []
        self.new_customers: list[Customer] = []
        self.customers: dict[UUID, Customer] = {}
        self.new_methods: dict[UUID, PaymentMethod] = {}
        self.methods: dict[UUID, PaymentMethod] = {}

    def note(self, what: str, changed: Customer | PaymentMethod, correlation_id: str) -> str:
        """Append a fact; returns the object as clients see it."""
        text = customer_text(changed) if isinstance(changed, Customer) else method_text(changed)
        self.facts.append(
            Fact(
                merchant_id=changed.merchant_id,
                type=what,
                object_id=changed.id,
                sequence=changed.version,
                data=text,
                correlation_id=correlation_id,
                created_at=self.tx.now,
            )
        )
        return text

    def detach(self, method: PaymentMethod, correlation_id: str) -> None:
        """Take a payment method out of use, if it is not so already."""
        if model.detach(method, self.tx.now):
            self.methods[method.id] = method
            self.note("payment_method.detached", method, correlation_id)

    def write(self) -> None:
        """Write all of it, each row once."""
        tx = self.tx
        store.insert_customers(tx, self.region, self.new_customers)
        store.update_customers(tx, self.region, list(self.customers.values()))
        store.insert_methods(tx, self.region, list(self.new_methods.values()))
        known = [m for m in self.methods.values() if m.id not in self.new_methods]
        store.update_methods(tx, self.region, known)
        events.append(tx, self.region, self.facts)


@step
async def create_customers(tx: Tx, commands: Sequence[AddCustomer]) -> list[Answer]:
    """Record customers; each answers 201 and appends `customer.created`."""
    claims = await idempotency.claim(tx, commands)
    changes = _Changes(tx, commands[0].region)
    # After this line only writes: nothing can be refused.
    answers = []
    for command in claims.fresh:
        customer = _new_customer(command, tx.now)
        changes.new_customers.append(customer)
        text = changes.note("customer.created", customer, command.correlation_id)
        answers.append(Answer(201, text))
    changes.write()
    return idempotency.keep(tx, claims, answers)


@step
async def update_customers(tx: Tx, commands: Sequence[ChangeCustomer]) -> list[Answer]:
    """Change customers; each answers 200, and appends `customer.updated` if anything changed.

    Refusals, the first that applies: CustomerNotFound, CustomerDeleted.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    keys = {(command.merchant_id, command.customer_id) for command in claims.fresh}
    customers = await store.lock_customers(tx, region, claims.moving, keys)
    changes, answers = _Changes(tx, region), []
    for command in claims.fresh:
        customer = customers.get((command.merchant_id, command.customer_id))
        error = model.refuse_customer(customer, command.customer_id)
        if error is not None or customer is None:
            answers.append(_refusal(error, command))
            continue
        if model.change_customer(customer, command.changes, tx.now):
            changes.customers[customer.id] = customer
            changes.note("customer.updated", customer, command.correlation_id)
        answers.append(Answer(200, customer_text(customer)))
    # After this line only writes.
    changes.write()
    return idempotency.keep(tx, claims, answers)


@step
async def delete_customers(tx: Tx, commands: Sequence[DeleteCustomer]) -> list[Answer]:
    """Delete customers and detach what they have; each answers 200, the second time as well.

    Appends `customer.deleted`, and `payment_method.detached` for each. Refusals: CustomerNotFound.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    keys = {(command.merchant_id, command.customer_id) for command in claims.fresh}
    customers = await store.lock_customers(tx, region, claims.moving, keys)
    # Customers are locked before what they have, here as where something is attached.
    theirs = await store.list_methods_of(tx, region, claims.moving, keys)
    methods = await store.lock_methods(tx, region, claims.moving, theirs)
    changes, answers = _Changes(tx, region), []
    for command in claims.fresh:
        customer = customers.get((command.merchant_id, command.customer_id))
        if customer is None:
            error = model.refuse_customer(None, command.customer_id)
            answers.append(_refusal(error, command))
            continue
        if model.delete_customer(customer, tx.now):
            changes.customers[customer.id] = customer
            for method in methods.values():
                if method.customer_id == customer.id:
                    changes.detach(method, command.correlation_id)
            changes.note("customer.deleted", customer, command.correlation_id)
        answers.append(Answer(200, customer_text(customer)))
    # After this line only writes.
    changes.write()
    return idempotency.keep(tx, claims, answers)


@step
async def attach_methods(tx: Tx, commands: Sequence[AttachMethod]) -> list[Answer]:
    """Register payment methods; each answers 201 with what it is now.

    Appends `payment_method.attached` if that is news. Refusals, the first that applies:
    CustomerNotFound, CustomerDeleted, PaymentMethodDetached, PaymentMethodTaken.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    owners = {(c.merchant_id, c.customer_id) for c in claims.fresh if c.customer_id is not None}
    customers = await store.lock_customers(tx, region, claims.moving, owners)
    keys = {(command.merchant_id, command.card.id) for command in claims.fresh}
    methods = await store.lock_methods(tx, region, claims.moving, keys)
    changes, answers = _Changes(tx, region), []
    for command in claims.fresh:
        if command.customer_id is not None:
            customer = customers.get((command.merchant_id, command.customer_id))
            error = model.refuse_customer(customer, command.customer_id)
            if error is not None:
                answers.append(_refusal(error, command))
                continue
        answers.append(_attach(changes, methods, command))
    # After this line only writes.
    changes.write()
    return idempotency.keep(tx, claims, answers)


def _attach(
    changes: _Changes,
    methods: dict[tuple[UUID, UUID], PaymentMethod],
    command: AttachMethod,
) -> Answer:
    """Register one payment method, or give it to a customer."""
    key = (command.merchant_id, command.card.id)
    method = methods.get(key)
    if method is None:
        method = methods[key] = _new_method(command, changes.tx.now)
        changes.new_methods[method.id] = method
        text = changes.note("payment_method.attached", method, command.correlation_id)
        return Answer(201, text)
    error = model.refuse_attach(method, command.customer_id)
    if error is not None:
        return _refusal(error, command)
    if model.attach(method, command.customer_id, changes.tx.now):
        changes.methods[method.id] = method
        text = changes.note("payment_method.attached", method, command.correlation_id)
        return Answer(201, text)
    return Answer(201, method_text(method))


@step
async def detach_methods(tx: Tx, commands: Sequence[DetachMethod]) -> list[Answer]:
    """Take payment methods out of use; each answers 200, the second time as well.

    Appends `payment_method.detached`. Refusals: PaymentMethodNotFound.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    keys = {(command.merchant_id, command.method_id) for command in claims.fresh}
    methods = await store.lock_methods(tx, region, claims.moving, keys)
    changes, answers = _Changes(tx, region), []
    for command in claims.fresh:
        method = methods.get((command.merchant_id, command.method_id))
        if method is None:
            error = model.refuse_use(None, command.method_id)
            answers.append(_refusal(error, command))
            continue
        changes.detach(method, command.correlation_id)
        answers.append(Answer(200, method_text(method)))
    # After this line only writes.
    changes.write()
    return idempotency.keep(tx, claims, answers)


def _refusal(error: PlatformError | None, command: Command) -> Answer:
    assert error is not None
    return refusal(error, command.correlation_id)


def _new_customer(command: AddCustomer, now: datetime) -> Customer:
    return Customer(
        merchant_id=command.merchant_id,
        id=command.customer_id,
        name=command.name,
        email=command.email,
        phone=command.phone,
        description=command.description,
        metadata=command.metadata,
        status="active",
        version=1,
        correlation_id=command.correlation_id,
        updated_at=now,
    )


def _new_method(command: AttachMethod, now: datetime) -> PaymentMethod:
    card = command.card
    return PaymentMethod(
        merchant_id=command.merchant_id,
        id=card.id,
        customer_id=command.customer_id,
        brand=card.brand,
        bin=card.bin,
        last4=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        status="attached",
        version=1,
        correlation_id=command.correlation_id,
        updated_at=now,
    )
