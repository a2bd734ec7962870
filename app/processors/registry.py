"""The processors of this process, and which of them to ask."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from pydantic import SecretStr

from app.base.settings import Settings
from app.processors import routing
from app.processors.acquirer import Acquirer
from app.processors.errors import NotificationForeign, ProcessorUnclear, UnknownProcessor
from app.processors.guard import Guard, GuardLimits
from app.processors.model import DisputeState, Notification, Processor
from app.processors.routing import Rule
from app.processors.rules import read_rules
from app.processors.signatures import parse_secret
from app.processors.transport import HttpTransport
from app.processors.vault_transport import VaultTransport


class Processors:
    """All processors, each behind its guard."""

    def __init__(self, guards: Mapping[str, Guard], rules: tuple[Rule, ...]) -> None:
        self._guards = guards
        self._rules = rules

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Processors"]:
        """The processors that `settings` configures; connections end with the context.

        Raises:
            SettingsError: a rule or a secret is wrong.
        """
        limits = GuardLimits(
            timeout_ms=settings.processor_timeout_ms,
            calls_max=settings.processor_calls_max,
            queue_ms=settings.processor_queue_ms,
            failures_max=settings.processor_failures_max,
            pause_ms=settings.processor_pause_ms,
        )
        async with HttpTransport.open(
            timeout_ms=settings.processor_timeout_ms,
            connect_timeout_ms=settings.processor_connect_timeout_ms,
        ) as transport:
            processors = _adapters(settings, transport)
            guards = {p.name: Guard(p.name, p, limits) for p in processors}
            yield cls(guards, read_rules(settings.processor_rules, guards))

    def get(self, name: str) -> Processor:
        """The processor of that name.

        Raises:
            UnknownProcessor: there is none.
        """
        try:
            return self._guards[name]
        except KeyError:
            raise UnknownProcessor(processor=name) from None

    def route(self, *, currency: str, brand: str, amount_minor: int, draw: int) -> tuple[str, ...]:
        """Who to ask for a card payment, and who after it if it surely did nothing.

        Args:
            draw: any whole number, evenly spread, such as one made of the payment's id; equal
                draws choose equally.
        """
        return routing.route(
            self._rules, currency=currency, brand=brand, amount_minor=amount_minor, draw=draw
        )

    def banks(self, currency: str) -> str:
        """Who serves bank transfers and payouts in `currency`."""
        del currency  # the acquirer is the only one with banks, and has them for every currency
        return Acquirer.name

    def read_notification(self, name: str, headers: Mapping[str, str], body: bytes) -> Notification:
        """A notification that the processor `name` has signed.

        Raises:
            UnknownProcessor: there is no such processor.
            SignatureInvalid: it has not signed this, or too long ago.
            NotificationInvalid: it signed something that is no notification.
        """
        return self.get(name).read_notification(headers, body)

    async def complete(self, name: str, notification: Notification) -> Notification:
        """The notification with its merchant; Stripe's events of disputes do not name it.

        Raises:
            NotificationForeign: the dispute is about nothing of ours.
            ProcessorUnclear: the processor does not say just now; it should tell us again.
        """
        if notification.merchant:
            return notification
        dispute = await self.get(name).find_dispute(notification.reference)
        if isinstance(dispute, DisputeState):
            return msgspec.structs.replace(notification, merchant=dispute.merchant)
        if dispute.outcome == "not_found":
            raise NotificationForeign
        raise ProcessorUnclear(processor=name)


def _adapters(settings: Settings, transport: HttpTransport) -> list[Processor]:
    vault = VaultTransport(
        transport,
        settings.vault_url,
        _reveal(settings.vault_processor_key),
        settings.processor_timeout_ms,
    )
    secret = _reveal(settings.acquirer_notification_secret)
    acquirer = Acquirer(
        transport,
        vault,
        url=settings.acquirer_url,
        key=_reveal(settings.acquirer_key),
        notification_key=(
            parse_secret(secret, "SUYA_ACQUIRER_NOTIFICATION_SECRET") if secret else None
        ),
    )
    processors: list[Processor] = [acquirer]
    if settings.stripe_key is not None:
        # Its library takes 25 MB and half a second, which nobody without an account should pay.
        from app.processors.stripe_api import Stripe  # noqa: PLC0415

        stripe = Stripe(
            transport,
            vault,
            url=settings.stripe_url,
            key=settings.stripe_key.get_secret_value(),
            webhook_secret=_reveal(settings.stripe_webhook_secret),
            return_url=settings.stripe_return_url,
        )
        processors.append(stripe)
    return processors


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
