"""Stripe, as a processor, through its official library: cards and disputes.

Guarantees: one reference of Suya's leads to one PaymentIntent, whatever was repeated. The vault
makes the payment methods, because that takes card numbers. Each response becomes a verdict.

Owns no table. Offers no banks: Stripe pays out to the owner of its account only.
"""

import stripe

from app.base.modes import mode_of_stripe_key
from app.processors.ports import Processor
from app.processors.stripe.cards import StripeCards
from app.processors.stripe.client import NAME, StripeTransport
from app.processors.stripe.disputes import StripeDisputes
from app.processors.stripe.notifications import EventReader
from app.processors.stripe.objects import takes
from app.processors.transport import HttpTransport
from app.processors.vault_transport import VaultTransport


def make_stripe(
    transport: HttpTransport,
    vault: VaultTransport,
    *,
    url: str,
    key: str,
    webhook_secret: str | None,
    return_url: str | None,
) -> Processor:
    """The processor `stripe`."""
    client = stripe.StripeClient(
        key,
        base_addresses={"api": url},
        http_client=StripeTransport(transport, vault),
        max_network_retries=0,
    )
    return Processor(
        NAME,
        EventReader(webhook_secret).read,
        mode_of_stripe_key(key),
        cards=StripeCards(client, return_url),
        disputes=StripeDisputes(client),
        takes=takes,
    )


__all__ = ["NAME", "make_stripe"]
