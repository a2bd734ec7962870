"""The vault: the only process that ever sees a card number.

Guarantees: a number leaves the vault towards a processor only. At rest it is encrypted by
AES-256-GCM under a data key, and bound to its token and merchant; the data key is wrapped by a
master key that no database has. Keys can be changed while the vault serves, and every token stays
readable meanwhile. A card's security code is in memory only, for at most fifteen minutes and for
one use. Every use of a card is recorded before its outcome is answered. How many cards may be left
in an hour is limited by address, key, merchant, and beginning of the number.

Owns `vault_keys`, `cards`, `card_uses` and `key_generations`, in a database of its own.

Never writes a request's or an answer's body anywhere, never quotes a request in an error, and knows
nothing of payments.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from app.vault.address import vault_database_url
from app.vault.errors import MasterKeyMissing, MasterKeyUnsafe, MasterKeyWrong, TooManyCards

if TYPE_CHECKING:
    from app.vault.masters import MasterKeys, new_master_key
    from app.vault.process import run
    from app.vault.rotation import Rotated, rotate
else:
    # Imported on first use: other processes need its refusals, but neither ciphers nor a server.
    _BEHIND_THE_DOOR = {
        **dict.fromkeys(("MasterKeys", "new_master_key"), "masters"),
        **dict.fromkeys(("run",), "process"),
        **dict.fromkeys(("Rotated", "rotate"), "rotation"),
    }

    def __getattr__(name: str) -> Any:
        """Import a name from its module on first use."""
        if name not in _BEHIND_THE_DOOR:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{_BEHIND_THE_DOOR[name]}")
        value = globals()[name] = getattr(module, name)
        return value


__all__ = [
    "MasterKeyMissing",
    "MasterKeyUnsafe",
    "MasterKeyWrong",
    "MasterKeys",
    "Rotated",
    "TooManyCards",
    "new_master_key",
    "rotate",
    "run",
    "vault_database_url",
]
