"""The vault's operations: keep a card, describe one, send one to a processor."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from app.base import clock, ids
from app.base.errors import PlatformError, Unavailable
from app.base.modes import Mode
from app.base.settings import Settings
from app.engine.database import Database, GroupCommit, LookUps, transact
from app.vault.cipher import Ciphers, WrappedKey
from app.vault.codes import SecurityCodes
from app.vault.commands import KeepCard, keeper, note_uses, prepare_keys
from app.vault.destinations import Answer, Destinations
from app.vault.errors import (
    MasterKeyWrong,
    NotExecuted,
    OutcomeUnknown,
    TokenNotFound,
    WrongMode,
)
from app.vault.generations import KeyGenerations
from app.vault.limits import Caller, CardLimits
from app.vault.masters import MasterKeys
from app.vault.model import (
    BIN_DIGITS,
    Action,
    Actor,
    Card,
    CardInput,
    CardRow,
    Use,
    check_cvc,
    read_expiry,
    read_number,
)
from app.vault.store import SealedCard, find_cards, list_same_cards
from app.vault.templates import CardData, Sender, read_template

_LANE: Final = "vault"  # its rows have no region: there is one vault
TIMEOUT_MS_MAX: Final = 60_000  # as of the adapters; nobody waits longer for a verdict
_DESTINATION_LENGTH_MAX: Final = 200  # enough to recognise the processor
SAME_MAX: Final = 100  # more tokens of one card are a mistake of the merchant's program


class TokenView(msgspec.Struct, frozen=True):
    """A token and what may be shown of its card.

    No fingerprint: beside first and last digits it lets whoever can compare it find the rest.
    """

    id: str
    brand: str
    last4: str
    bin: str
    exp_month: int
    exp_year: int
    created_at: datetime


class SameCards(msgspec.Struct, frozen=True):
    """A merchant's other tokens of one card."""

    tokens: list[str]
    """`pm_...`, the newest first, `SAME_MAX` at most."""


class Forward(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /forward."""

    token: str
    merchant: str
    processor: str
    operation: str
    fields: msgspec.Raw = msgspec.Raw(b"{}")
    """An object: what the operation's template asks for."""
    timeout_ms: Annotated[int, Meta(ge=1, le=TIMEOUT_MS_MAX)] = 10_000


class Vault:
    """The operations of one vault process."""

    def __init__(
        self, database: Database, settings: Settings, ciphers: Ciphers, destinations: Destinations
    ) -> None:
        self.database = database
        self.leaving, self.asking = CardLimits(settings), CardLimits(settings)
        self.group_commit = GroupCommit(database, fenced=False)
        self.ciphers = ciphers
        self.destinations = destinations
        self.cards: LookUps[UUID, CardRow] = LookUps(partial(find_cards, database))
        self.codes = SecurityCodes()
        self.keys = KeyGenerations(database)
        self._keep_cards = keeper(ciphers)

    @classmethod
    async def open(cls, database: Database, settings: Settings) -> "Vault":
        """Open a vault whose keys exist and can be unwrapped.

        Raises:
            MasterKeyMissing, MasterKeyUnsafe, MasterKeyWrong, VaultUnfit
        """
        ciphers = Ciphers(MasterKeys.load(settings))
        destinations = Destinations.of(settings)
        keys = await transact(database, lambda tx: prepare_keys(tx, ciphers))
        check_keys(ciphers, keys)
        for key in keys:
            if key.purpose == "fingerprint":
                ciphers.use_fingerprint_key(key)
        return cls(database, settings, ciphers, destinations)

    async def close(self, timeout_s: float) -> None:
        """Finish the work in hand."""
        await self.group_commit.close(timeout_s)
        await self.destinations.close()

    async def tokenize(
        self, merchant_id: UUID, mode: Mode, caller: Caller, card: CardInput, correlation_id: str
    ) -> TokenView:
        """Keep a card; its security code is kept in this process's memory only.

        Raises: (the first that applies)
            InvalidCardNumber, InvalidExpiry, CardExpired, InvalidSecurityCode, TooManyCards,
            Unavailable
        """
        number, brand = read_number(card.number)
        exp_month, exp_year = read_expiry(card.exp_month, card.exp_year, clock.now())
        check_cvc(card.cvc, brand)
        self.leaving.admit(caller, merchant_id, number[:BIN_DIGITS])
        card_id = ids.new()
        command = KeepCard(
            merchant_id=merchant_id,
            card_id=card_id,
            card=Card(number, card.name),
            brand=brand,
            exp_month=exp_month,
            exp_year=exp_year,
            mode=mode,
            use=_use(merchant_id, card_id, "client", "tokenize", correlation_id),
        )
        receipt = await self.group_commit.submit(self._keep_cards, _LANE, [command])
        kept = receipt.only()
        if card.cvc is not None:
            self.codes.put(merchant_id, card_id, card.cvc)
        return token_view(kept)

    async def describe(
        self, token: str, merchant: str, caller: Caller, correlation_id: str
    ) -> TokenView:
        """Describe a merchant's card, as far as it may be shown.

        Raises: (the first that applies)
            TokenNotFound, TooManyCards, Unavailable
        """
        return token_view(await self._ask(token, merchant, caller, "describe", correlation_id))

    async def compare(
        self, token: str, merchant: str, caller: Caller, correlation_id: str
    ) -> SameCards:
        """List a merchant's other tokens of the same card.

        Raises: (the first that applies)
            TokenNotFound, TooManyCards, Unavailable
        """
        card = await self._ask(token, merchant, caller, "compare", correlation_id)
        same = await list_same_cards(self.database, card, SAME_MAX)
        return SameCards([ids.encode("payment_method", card_id) for card_id in same])

    async def _ask(
        self, token: str, merchant: str, caller: Caller, action: Action, correlation_id: str
    ) -> CardRow:
        """A merchant's card that an api asks about; the use is counted and recorded."""
        card = await self._find_of(merchant, token)
        self.asking.admit(caller, card.merchant_id, card.bin)
        await self._note(_use(card.merchant_id, card.id, "api", action, correlation_id))
        return card

    async def forward(self, ask: Forward, correlation_id: str) -> Answer:
        """Send a card to a processor as the operation's template says; returns its answer.

        The use is recorded while the number is on its way, and is durable before the answer is
        returned. If it cannot be recorded, the answer is withheld.

        Raises: (the first that applies)
            OperationUnknown, InvalidCardRequest, ProcessorNotConfigured, TokenNotFound,
                WrongMode: certainly nothing was sent.
            NotExecuted: likewise.
            OutcomeUnknown
        """
        template = read_template(ask.processor, ask.operation, ask.fields)
        destination = self.destinations.get(ask.processor)
        try:
            row = await self._find_of(ask.merchant, ask.token)
        except Unavailable as error:
            raise NotExecuted(why=f"the vault's database ({error.code})") from error
        if row.mode != destination.mode:
            raise WrongMode(card=row.mode, processor=destination.mode)
        card = self.ciphers.open(_key(row), row.id, row.merchant_id, row.sealed)
        code = self.codes.take(row.id)
        data = CardData(card.number, row.exp_month, row.exp_year, code.digits if code else None)
        sender = Sender(ask.merchant, correlation_id, destination.key)
        request = template.fill(data, sender)
        place = f"{destination.url}{request.path}"[:_DESTINATION_LENGTH_MAX]
        use = _use(
            row.merchant_id, row.id, "processors", "forward", correlation_id, destination=place
        )
        noted = asyncio.ensure_future(self._note(use))
        try:
            answer = await self.destinations.send(
                destination, request, card.number, ask.timeout_ms / 1000
            )
        except NotExecuted:
            if code is not None:
                self.codes.put_back(row.merchant_id, row.id, code)  # another processor may be tried
            raise
        finally:
            await asyncio.wait([noted])
        if noted.exception() is not None:
            raise OutcomeUnknown(why="its use could not be recorded")
        return answer

    async def _find_of(self, merchant: str, token: str) -> CardRow:
        """A merchant's card; another merchant's is as unknown as none."""
        try:
            row = await self.cards.find(ids.decode("payment_method", token))
        except ids.MalformedId:
            row = None
        if row is None or merchant != ids.encode("merchant", row.merchant_id):
            raise TokenNotFound(token=token[:64])
        return row

    async def _note(self, use: Use) -> None:
        (await self.group_commit.submit(note_uses, _LANE, [use])).only()


def check_keys(ciphers: Ciphers, keys: list[WrappedKey]) -> None:
    """Refuse a master key that does not open every key.

    Raises:
        MasterKeyWrong
    """
    closed = []
    for key in keys:
        try:
            ciphers.unwrap(key)
        except PlatformError:
            closed.append(key)
    if closed:
        raise MasterKeyWrong(
            count=len(closed), wanted=closed[0].wrapped_by, given=ciphers.masters.current
        )


def token_view(card: CardRow | SealedCard) -> TokenView:
    """A card, as far as it may be shown."""
    return TokenView(
        id=ids.encode("payment_method", card.id),
        brand=card.brand,
        last4=card.last4,
        bin=card.bin,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        created_at=card.created_at,
    )


def _key(row: CardRow) -> WrappedKey:
    return WrappedKey(row.key_id, "card", "", row.wrapped, row.wrapped_by)


def _use(
    merchant_id: UUID,
    card_id: UUID,
    actor: Actor,
    action: Action,
    correlation_id: str,
    *,
    destination: str = "",
) -> Use:
    return Use(
        merchant_id, card_id, ids.new(), actor, action, destination, correlation_id, clock.now()
    )
