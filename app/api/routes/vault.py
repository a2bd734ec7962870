"""Cards in the api: by their tokens. What is not known here yet is asked of the vault, once."""

from uuid import UUID

from app.api.http.call import Call
from app.api.http.vault_client import Asker
from app.base import ids
from app.base.errors import NotFound, Unavailable
from app.base.publishable import publishable_key
from app.base.settings import Settings
from app.domains.customers import (
    AttachMethod,
    CardFacts,
    PaymentMethod,
    find_method,
    refuse_use,
)
from app.domains.customers.errors import PaymentMethodNotFound
from app.domains.customers.steps import attach_methods
from app.domains.merchants import Merchant
from app.engine.database import find_in
from app.engine.database.errors import DatabaseUnreachable


class CardsNotSetUp(NotFound):
    """This installation takes no cards: it knows no SUYA_VAULT_CLIENT_KEY."""

    code = "cards_not_set_up"


async def adopt(call: Call, token: UUID) -> PaymentMethod:
    """A merchant's payment method, which is registered now if it is only in the vault yet.

    Costs one look-up by key where it is known; otherwise a question to the vault and a commit.

    Raises: (the first that applies)
        PaymentMethodNotFound: there is no such token of this merchant.
        PaymentMethodDetached
        TooManyCards, VaultUnreachable, Unavailable: it is not known.
    """
    method = await _find(call, token)
    if method is None:
        facts = await describe(call, token)
        await call.run_one(attach_methods, attachment(call, facts))
        try:
            method = await _find(call, token)
        except DatabaseUnreachable as away:
            # It is registered, so it would not be true that nothing was done.
            raise Unavailable from away
    error = refuse_use(method, token)
    if error is not None:
        raise error
    assert method is not None
    return method


async def describe(call: Call, token: UUID) -> CardFacts:
    """What the vault says of a merchant's token.

    Raises:
        PaymentMethodNotFound: it has none of this merchant.
        TooManyCards, VaultUnreachable
    """
    facts = await call.services.vault.describe(asker_of(call), token)
    if facts is None:
        raise PaymentMethodNotFound(payment_method=ids.encode("payment_method", token))
    return facts


def asker_of(call: Call) -> Asker:
    """For whom the vault is asked."""
    return Asker(call.merchant.id, call.key_id, call.request_id)


def attachment(call: Call, facts: CardFacts) -> AttachMethod:
    """The command that registers a token without a customer; it needs no key."""
    return call.command(AttachMethod, None, card=facts)


def publishable_key_of(merchant: Merchant, settings: Settings) -> str | None:
    """What a browser leaves a card of this merchant in the vault with."""
    key = settings.vault_client_key
    if key is None:
        return None
    return publishable_key(
        merchant.id, merchant.mode, key.get_secret_value(), merchant.key_generation
    )


async def _find(call: Call, token: UUID) -> PaymentMethod | None:
    """The payment method, if it is known; the vault may know one that this database does not."""
    return await find_in(
        call.regions,
        lambda region: find_method(call.services.database, region, call.merchant.id, token),
    )
