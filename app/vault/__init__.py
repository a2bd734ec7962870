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

from app.vault.errors import MasterKeyMissing, MasterKeyUnsafe, MasterKeyWrong
from app.vault.masters import MasterKeys, new_master_key
from app.vault.process import run, vault_database_url
from app.vault.rotation import Rotated, rotate

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
