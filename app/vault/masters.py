"""Master keys: they wrap the vault's own keys, and are in no database.

The first one wraps. The others only unwrap, so that a new one can be introduced while every process
can still read what the old one wrapped.
"""

import base64
import binascii
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.base.settings import Settings
from app.vault.errors import MasterKeyMissing, MasterKeyUnsafe

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_ID_BYTES: Final = 8  # enough to tell a few keys apart; reveals nothing about the key
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SETTING: Final = "SUYA_VAULT_MASTER_KEY"


def new_master_key() -> str:
    """Make a master key, in the form of a file or a variable."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class _Master:
    """One master key and its name, which is derived from it."""

    def __init__(self, key: bytes) -> None:
        self.id = hmac.digest(key, b"suya master key id", "sha256")[:_ID_BYTES].hex()
        self.cipher = AESGCM(key)


class MasterKeys:
    """The configured master keys; the file is read again when it may have a new key."""

    def __init__(self, keys: Sequence[bytes], path: Path | None = None) -> None:
        self._path = path
        self._masters = [_Master(key) for key in keys]

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Load the keys that the settings name.

        Raises:
            MasterKeyMissing: they name none.
            MasterKeyUnsafe: others may read the file, or it contains something else.
        """
        path = settings.vault_master_key_file
        if path is not None:
            return cls(_read(path), path)
        if settings.vault_master_key is None:
            raise MasterKeyMissing
        words = settings.vault_master_key.get_secret_value().split(",")
        return cls(_decode(words, _SETTING))

    @property
    def current(self) -> str:
        """The name of the key that wraps."""
        return self._masters[0].id

    def wrap(self, key: bytes, context: bytes) -> tuple[bytes, str]:
        """Encrypt `key`, bound to `context`; returns it with the name of the master key."""
        nonce = os.urandom(NONCE_BYTES)
        master = self._masters[0]
        return nonce + master.cipher.encrypt(nonce, key, context), master.id

    def unwrap(self, wrapped: bytes, wrapped_by: str, context: bytes) -> bytes | None:
        """Decrypt the key in `wrapped`; none if no master key opens it."""
        master = self._find(wrapped_by)
        if master is None:
            return None
        try:
            return master.cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except InvalidTag:
            return None

    def _find(self, name: str) -> _Master | None:
        found = next((one for one in self._masters if one.id == name), None)
        if found is None and self._path is not None:
            # The file may have got a new key since; a name that it still lacks is not cached.
            self._masters = [_Master(key) for key in _read(self._path)]
            found = next((one for one in self._masters if one.id == name), None)
        return found


def _read(path: Path) -> list[bytes]:
    """Read the keys of a file that only its owner can read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & _OTHERS:
                why = f"others than its owner may use it ({stat.filemode(mode)}): chmod 600"
                raise MasterKeyUnsafe(place=path, why=why)
            words = file.read().decode("ascii", "replace").split()
    except OSError as error:
        raise MasterKeyUnsafe(place=path, why=error.strerror or "it cannot be read") from error
    return _decode(words, str(path))


def _decode(words: Sequence[str], place: str) -> list[bytes]:
    keys = []
    for word in words:
        try:
            key = base64.b64decode(word.strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise MasterKeyUnsafe(place=place, why=f"a key is {KEY_BYTES} bytes in base64")
        keys.append(key)
    if not keys:
        raise MasterKeyUnsafe(place=place, why="there is none in it")
    return keys
