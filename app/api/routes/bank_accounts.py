"""/v1/bank_accounts: create, read, list."""

import hashlib
from typing import Annotated

from litestar import Router, get, post
from litestar.response.base import ASGIResponse
from pydantic import AfterValidator, Field, PlainSerializer

from app.api.http import lists
from app.api.http.call import ApiRequest, Call, enter, path_id, perform, send
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.fields import Body, Metadata, no_nul
from app.api.http.reading import Reading
from app.base import iban, ids
from app.domains.payouts import errors, reads, steps
from app.domains.payouts.commands import AddBankAccount
from app.domains.payouts.errors import BankAccountNotFound
from app.domains.payouts.views import BankAccountView, bank_account_view
from app.engine.idempotency import Intent


def _check_iban(text: str) -> str:
    try:
        return iban.parse(text)
    except ValueError:
        raise ValueError("is not an IBAN: a digit is wrong, or its form") from None


def _veil(number: str) -> str:
    # Requests are kept under their keys, and only have to be told apart.
    return hashlib.sha256(number.encode()).hexdigest()


Iban = Annotated[
    str,
    Field(min_length=15, max_length=42, description="Of any country; spaces do not matter."),
    AfterValidator(_check_iban),
    PlainSerializer(_veil),
]

OwnerName = Annotated[str, AfterValidator(no_nul), Field(min_length=1, max_length=140)]
"""What ISO 20022 has room for."""


class CreateBankAccount(Body):
    """Say where payouts may go."""

    iban: Iban
    name: OwnerName
    metadata: Metadata = {}


def _add(call: Call, intent: Intent, body: CreateBankAccount) -> AddBankAccount:
    return call.command(
        AddBankAccount,
        intent,
        bank_account_id=ids.new(),
        iban=body.iban,
        name=body.name,
        metadata=body.metadata,
    )


@post(
    "/",
    opt=Doc(
        "Add a bank account", body=CreateBankAccount, answer=BankAccountView, status=201,
        idempotent=True,
    ).opt(),
)  # fmt: skip
async def create_bank_account(request: ApiRequest) -> ASGIResponse:
    """Records where payouts may go; the number is checked, and never shown again."""
    return await perform(request, CreateBankAccount, steps.add_bank_accounts, _add)


@get(
    "/{bank_account_id:str}",
    opt=Doc("Read a bank account", answer=BankAccountView, errors=(errors.BankAccountNotFound,))
    .opt(),
)  # fmt: skip
async def read_bank_account(request: ApiRequest, bank_account_id: str) -> ASGIResponse:
    """One bank account, by the end of its number."""
    call = await enter(request, "read")
    account_id = path_id("bank_account", bank_account_id)
    account = await Reading(call).find(reads.find_bank_account, account_id)
    if account is None:
        raise BankAccountNotFound(bank_account=bank_account_id)
    return send(bank_account_view(account))


@get("/", opt=Doc("List bank accounts", answer=BankAccountView, many=True,
                  parameters=LIST_PARAMETERS).opt())  # fmt: skip
async def list_bank_accounts(request: ApiRequest) -> ASGIResponse:
    """Newest first."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED)
    page, reading = lists.page(given, "bank_account"), Reading(call, given)
    found = await reading.list(page, reads.list_bank_accounts, lambda a: a.id, page)
    return reading.send(lists.list_view(found.items, bank_account_view, more=found.has_more))


def router() -> Router:
    return Router(
        "/v1/bank_accounts",
        route_handlers=[create_bank_account, read_bank_account, list_bank_accounts],
    )
