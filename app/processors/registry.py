"""The processors of this process, and the choice among them."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from pydantic import SecretStr

from app.base.errors import InvariantViolated
from app.base.settings import Settings
from app.processors import acquirer, routing
from app.processors.errors import NotificationForeign, ProcessorUnclear, UnknownProcessor
from app.processors.guard import GuardLimits, guard_processor
from app.processors.model import DisputeState, Notification
from app.processors.ports import Banks, Cards, Disputes, Processor
from app.processors.routing import Rule
from app.processors.rules import read_rules
from app.processors.signatures import parse_secret
from app.processors.transport import HttpTransport
from app.processors.vault_transport import VaultTransport

PortT = TypeVar("PortT")


class Processors:
    """The ports of all processors by name, each behind the processor's guard."""

    def __init__(self, processors: Iterable[Processor], rules: tuple[Rule, ...]) -> None:
        self._by_name = {processor.name: processor for processor in processors}
        self._rules = rules

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Processors"]:
        """Connect to the processors of `settings`; the connections end with the context.

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
            processors = [guard_processor(p, limits) for p in _configured(settings, transport)]
            names = [processor.name for processor in processors if processor.cards is not None]
            yield cls(processors, read_rules(settings.processor_rules, names))

    def cards(self, name: str) -> Cards:
        """The cards of the processor `name`.

        Raises:
            UnknownProcessor: there is no such processor; so with `banks` and `disputes`.
        """
        return _offered(self._get(name).cards, name)

    def banks(self, name: str) -> Banks:
        """The banks of the processor `name`."""
        return _offered(self._get(name).banks, name)

    def disputes(self, name: str) -> Disputes:
        """The disputes of the processor `name`."""
        return _offered(self._get(name).disputes, name)

    def route(
        self, mode: str, *, currency: str, brand: str, amount_minor: int, draw: int
    ) -> tuple[str, ...]:
        """The processors for a card payment, in the order in which to ask them.

        The next one is asked if the one before certainly did nothing. Those of the other mode and
        those that have no such amount are left out; where none is left, none can take the payment.

        Args:
            mode: the merchant's, test or live.
            draw: any whole number, evenly spread, such as one made of the payment's id; equal
                draws choose equally.
        """
        names = routing.route(
            self._rules, currency=currency, brand=brand, amount_minor=amount_minor, draw=draw
        )
        return tuple(
            name
            for name in names
            if self._get(name).mode == mode and self._get(name).takes(amount_minor, currency)
        )

    def route_to_bank(self, currency: str) -> str:
        """The processor of bank transfers and payouts in `currency`."""
        del currency  # only the acquirer has banks, and for every currency
        return acquirer.NAME

    def has_cards_of(self, mode: str) -> bool:
        """Whether any processor takes cards of test merchants, or of live ones."""
        return any(p.mode == mode and p.cards is not None for p in self._by_name.values())

    def mode_of(self, name: str) -> str:
        """Whether the processor `name` is for test merchants or for live ones."""
        return self._get(name).mode

    def read_notification(self, name: str, headers: Mapping[str, str], body: bytes) -> Notification:
        """Parse a notification that the processor `name` has signed.

        Raises:
            UnknownProcessor: there is no such processor.
            SignatureInvalid: the signature is wrong, or too old.
            NotificationInvalid: the signed text is no notification.
        """
        return self._get(name).read_notification(headers, body)

    async def complete(self, name: str, notification: Notification) -> Notification:
        """Add its merchant to a notification; Stripe's events of disputes do not name it.

        Raises:
            NotificationForeign: the dispute is not about a payment of Suya's.
            ProcessorUnclear: the processor does not answer now; it should send it again.
        """
        if notification.merchant:
            return notification
        dispute = await self.disputes(name).find_dispute(notification.reference)
        if isinstance(dispute, DisputeState):
            return msgspec.structs.replace(notification, merchant=dispute.merchant)
        if dispute.outcome == "not_found":
            raise NotificationForeign
        raise ProcessorUnclear(processor=name)

    def _get(self, name: str) -> Processor:
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownProcessor(processor=name) from None


def _offered(port: PortT | None, name: str) -> PortT:
    """The port, which its processor must offer: flows only ask one that was chosen for them."""
    if port is None:
        raise InvariantViolated(f"the processor '{name}' does not offer this operation")
    return port


def _configured(settings: Settings, transport: HttpTransport) -> list[Processor]:
    vault = VaultTransport(
        transport,
        settings.vault_url,
        _reveal(settings.vault_processor_key),
        settings.processor_timeout_ms,
    )
    secret = _reveal(settings.acquirer_notification_secret)
    processors = [
        acquirer.make_acquirer(
            transport,
            vault,
            url=settings.acquirer_url,
            key=_reveal(settings.acquirer_key),
            mode=settings.acquirer_mode,
            notification_key=(
                parse_secret(secret, "SUYA_ACQUIRER_NOTIFICATION_SECRET") if secret else None
            ),
        )
    ]
    if settings.stripe_key is not None:
        # Its library takes 25 MB and half a second, which is spared without an account.
        from app.processors.stripe import make_stripe  # noqa: PLC0415

        stripe = make_stripe(
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
