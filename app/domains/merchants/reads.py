"""Reading side: the keyring, from a secret to its merchant, and where merchants are at home."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from cachetools import TLRUCache

from app.base import clock
from app.domains.merchants.admin import list_plans_in_force
from app.domains.merchants.model import Caller, hash_secret
from app.domains.merchants.store import MERCHANTS, queries
from app.engine.database import Database, LookUps, arrays


class Keyring:
    """Remembers whom secrets belong to, for a few seconds, wrong secrets included."""

    CACHED_S = 3.0
    """A revocation must work within 5 s everywhere; a look-up and a slow clock fit in the rest."""
    SECRET_LENGTH_MAX = 128
    """Ours have 40 characters; longer ones belong to no key, and are not remembered."""
    ENTRIES_MAX = 10_000
    """Bounds the memory an attacker with random secrets can take: a few megabytes."""

    def __init__(self, database: Database) -> None:
        # When what is remembered of a busy key runs out, one question serves all who wait.
        self._callers: LookUps[str, Caller] = LookUps(partial(find_callers, database))
        # A caller is kept until a time counted from before its look-up, which may take long.
        self._known: TLRUCache[str, tuple[Caller | None, float], float] = TLRUCache(
            self.ENTRIES_MAX, ttu=lambda _secret, known, _now: known[1], timer=clock.monotonic
        )

    async def find_caller(self, secret: str) -> Caller | None:
        """Whose secret this is; none for an unknown or revoked one.

        Raises:
            DatabaseUnreachable
        """
        if len(secret) > self.SECRET_LENGTH_MAX:
            return None
        try:
            return self._known[secret][0]
        except KeyError:
            ends = clock.monotonic() + self.CACHED_S
            caller = await self._callers.find(secret)
            self._known[secret] = caller, ends
            return caller


async def find_callers(database: Database, secrets: Sequence[str]) -> dict[str, Caller]:
    """Whose secrets these are; unknown and revoked ones are left out."""
    callers = await asyncio.gather(*[_find_caller(database, secret) for secret in secrets])
    found = zip(secrets, callers, strict=True)
    return {secret: caller for secret, caller in found if caller is not None}


async def _find_caller(database: Database, secret: str) -> Caller | None:
    # A statement each: of an array of hashes CockroachDB 22.1 reads the whole table.
    rows = await database.read(queries.find_caller, {"secret_hash": hash_secret(secret)})
    if not rows:
        return None
    key_id, scopes, *row = rows[0]
    merchant = MERCHANTS.struct_of(row)
    plans = await list_plans_in_force(database, merchant.id)
    return Caller(merchant, key_id, frozenset(scopes), plans)


async def find_homes(
    database: Database, merchants: Iterable[UUID]
) -> dict[UUID, tuple[str, str | None]]:
    """(home, former region) of some merchants, as they are now."""
    params = {"id": arrays.uuids(sorted(set(merchants)))}
    rows = await database.read(queries.list_homes, params)
    return {merchant: (home, former) for merchant, home, former in rows}
