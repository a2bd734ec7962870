"""The keyring: from a secret to its merchant, without asking the database each time."""

from collections import OrderedDict

from app import clock
from app.database import Database
from app.merchants.admin import queries
from app.merchants.model import Caller, Merchant, hash_secret
from app.merchants.plans import list_plans_in_force


class Keyring:
    """Remembers whom secrets belong to, for a few seconds, wrong secrets included."""

    CACHED_S = 3.0
    """A revocation must work within 5 s everywhere; a look-up and a slow clock fit in the rest."""
    SECRET_LENGTH_MAX = 128
    """Ours have 40 characters; longer ones are nobody's, and are not remembered."""
    ENTRIES_MAX = 10_000
    """Bounds the memory an attacker with random secrets can take: a few megabytes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()

    async def find_caller(self, secret: str) -> Caller | None:
        """Whose secret this is; none for an unknown or revoked one.

        Raises:
            DatabaseUnreachable
        """
        if len(secret) > self.SECRET_LENGTH_MAX:
            return None
        now = clock.monotonic()
        known = self._known.get(secret)
        if known is not None and known[0] > now:
            return known[1]
        caller = await self._look_up(secret)
        self._known[secret] = (now + self.CACHED_S, caller)
        self._known.move_to_end(secret)
        if len(self._known) > self.ENTRIES_MAX:
            self._known.popitem(last=False)
        return caller

    async def _look_up(self, secret: str) -> Caller | None:
        rows = await self._database.read(queries.find_caller, {"secret_hash": hash_secret(secret)})
        if not rows:
            return None
        key_id, scopes, *row = rows[0]
        merchant = Merchant(*row)
        plans = await list_plans_in_force(self._database, merchant.id)
        return Caller(merchant, key_id, frozenset(scopes), plans)
