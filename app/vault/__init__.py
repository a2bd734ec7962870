"""The vault: the only process that ever sees a card number.

Guarantees: a number leaves it towards a processor and nowhere else; at rest it is encrypted by
AES-256-GCM under a data key, which is wrapped by a master key that no database has, and bound to
its token and merchant; keys can be changed while it serves, and no token is unreadable meanwhile;
a card's security code is in memory only, for fifteen minutes at most and for one use; every use of
a card is recorded before its outcome is told.

Owns `vault_keys`, `cards` and `card_uses`, in a database of its own.

Never writes a request's or an answer's body anywhere, never repeats what it was sent, and knows
nothing of payments.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from app.vault.address import vault_database_url
from app.vault.errors import MasterKeyMissing, MasterKeyUnsafe, MasterKeyWrong

if TYPE_CHECKING:
    from app.vault.masters import MasterKeys, new_master_key
    from app.vault.process import run
    from app.vault.rotation import Rotated, rotate
else:
    # Imported when first asked for: others need its refusals, and no ciphers and no server.
    _BEHIND_THE_DOOR = {
        **dict.fromkeys(("MasterKeys", "new_master_key"), "masters"),
        **dict.fromkeys(("run",), "process"),
        **dict.fromkeys(("Rotated", "rotate"), "rotation"),
    }

    def __getattr__(name: str) -> Any:
        """The name, out of the module that has it; each is looked up once."""
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
    "new_master_key",
    "rotate",
    "run",
    "vault_database_url",
]
