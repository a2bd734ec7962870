"""/v1/customers: create, read, update, list, delete."""

from typing import Annotated, Any

from litestar import Router, get, post
from litestar.response.base import ASGIResponse
from pydantic import AfterValidator, Field

from app.api.http import lists
from app.api.http.call import ApiRequest, Call, enter, path_id, perform, send
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.fields import Body, Description, Metadata, Nothing, Text, no_nul
from app.api.http.reading import Reading
from app.base import ids
from app.domains.customers import (
    AddCustomer,
    ChangeCustomer,
    DeleteCustomer,
    errors,
    find_customer,
    reads,
    steps,
)
from app.domains.customers.errors import CustomerNotFound
from app.domains.customers.views import CustomerView, customer_view
from app.engine.idempotency import Intent

Email = Annotated[
    str,
    AfterValidator(no_nul),
    Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$", examples=["ada@example.com"]),
]

Phone = Annotated[
    str,
    Field(pattern=r"^\+[0-9]{6,15}$", description="E.164.", examples=["+2348012345678"]),
]


class CreateCustomer(Body):
    """Record a customer."""

    name: Text | None = None
    email: Email | None = None
    phone: Phone | None = None
    description: Description | None = None
    metadata: Metadata = {}


class UpdateCustomer(Body):
    """Change the fields that are given; `null` empties one."""

    name: Text | None = None
    email: Email | None = None
    phone: Phone | None = None
    description: Description | None = None
    metadata: Metadata = {}

    def model_dump_json(self, **options: Any) -> str:
        """Only what was given: a field that is `null` and one that is absent differ."""
        return super().model_dump_json(exclude_unset=True, **options)


def _create(call: Call, intent: Intent, body: CreateCustomer) -> AddCustomer:
    return call.command(
        AddCustomer,
        intent,
        customer_id=ids.new(),
        name=body.name,
        email=body.email,
        phone=body.phone,
        description=body.description,
        metadata=body.metadata,
    )


@post(
    "/",
    opt=Doc(
        "Create a customer", body=CreateCustomer, answer=CustomerView, status=201,
        idempotent=True,
    ).opt(),
)  # fmt: skip
async def create_customer(request: ApiRequest) -> ASGIResponse:
    """Records somebody who pays."""
    return await perform(request, CreateCustomer, steps.create_customers, _create)


@post(
    "/{customer_id:str}",
    opt=Doc(
        "Update a customer", body=UpdateCustomer, answer=CustomerView, idempotent=True,
        errors=(errors.CustomerNotFound, errors.CustomerDeleted),
    ).opt(),
)  # fmt: skip
async def update_customer(request: ApiRequest, customer_id: str) -> ASGIResponse:
    """Changes the fields that are given; metadata is replaced as a whole."""

    def make(call: Call, intent: Intent, body: UpdateCustomer) -> ChangeCustomer:
        return call.command(
            ChangeCustomer,
            intent,
            customer_id=path_id("customer", customer_id),
            changes={name: getattr(body, name) for name in sorted(body.model_fields_set)},
        )

    return await perform(request, UpdateCustomer, steps.update_customers, make)


@post(
    "/{customer_id:str}/delete",
    opt=Doc(
        "Delete a customer", body=Nothing, answer=CustomerView, idempotent=True,
        errors=(errors.CustomerNotFound,),
    ).opt(),
)  # fmt: skip
async def delete_customer(request: ApiRequest, customer_id: str) -> ASGIResponse:
    """Takes a customer off the lists, and its payment methods out of use; it stays readable."""

    def make(call: Call, intent: Intent, _: Nothing) -> DeleteCustomer:
        return call.command(DeleteCustomer, intent, customer_id=path_id("customer", customer_id))

    return await perform(request, Nothing, steps.delete_customers, make)


@get(
    "/{customer_id:str}",
    opt=Doc("Read a customer", answer=CustomerView, errors=(errors.CustomerNotFound,)).opt(),
)
async def read_customer(request: ApiRequest, customer_id: str) -> ASGIResponse:
    """One customer, deleted or not."""
    call = await enter(request, "read")
    found = await Reading(call).find(find_customer, path_id("customer", customer_id))
    if found is None:
        raise CustomerNotFound(customer=customer_id)
    return send(customer_view(found))


@get(
    "/",
    opt=Doc("List customers", answer=CustomerView, many=True, parameters=LIST_PARAMETERS).opt(),
)
async def list_customers(request: ApiRequest) -> ASGIResponse:
    """The merchant's customers, newest first; deleted ones are left out."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED)
    page, reading = lists.page(given, "customer"), Reading(call, given)
    found = await reading.list(page, reads.list_customers, lambda customer: customer.id, page)
    return reading.send(lists.list_view(found.items, customer_view, more=found.has_more))


def router() -> Router:
    return Router(
        "/v1/customers",
        route_handlers=[
            create_customer, update_customer, delete_customer, read_customer, list_customers,
        ],
    )  # fmt: skip
