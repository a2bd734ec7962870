"""The vault's own keys in use: sealing and opening cards, and their fingerprints.

A data key is unwrapped once and then cached, so that opening a card costs microseconds.
"""

import hmac
import os
import secrets
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from cachetools import LRUCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.base.errors import InvariantViolated
from app.vault.errors import MasterKeyWrong
from app.vault.masters import KEY_BYTES, NONCE_BYTES, MasterKeys
from app.vault.model import Card

_KEYS_MAX: Final = 64  # one is in use, or two while rotation runs; more are not expected
_FINGERPRINT_BYTES: Final = 16  # 128 bits: no two cards of one merchant will ever share one


class WrappedKey(NamedTuple):
    """A key as the database has it."""

    id: UUID
    purpose: str
    state: str
    wrapped: bytes
    wrapped_by: str


class Ciphers:
    """Opens wrapped keys and caches them by their ids; an id never gets another key."""

    def __init__(self, masters: MasterKeys) -> None:
        self.masters = masters
        self._ciphers: LRUCache[UUID, AESGCM] = LRUCache(_KEYS_MAX)
        self._fingerprint_key = b""

    def new_key(self, key_id: UUID, purpose: str) -> tuple[bytes, str]:
        """Make a key; returns it wrapped, and the name of the master key that wraps it."""
        return self.masters.wrap(secrets.token_bytes(KEY_BYTES), _context(key_id, purpose))

    def rewrap(self, key: WrappedKey) -> tuple[bytes, str]:
        """Wrap the same key by the current master key.

        Raises:
            MasterKeyWrong
        """
        return self.masters.wrap(self.unwrap(key), _context(key.id, key.purpose))

    def unwrap(self, key: WrappedKey) -> bytes:
        """Unwrap a key.

        Raises:
            MasterKeyWrong
        """
        plain = self.masters.unwrap(key.wrapped, key.wrapped_by, _context(key.id, key.purpose))
        if plain is None:
            raise MasterKeyWrong(count=1, wanted=key.wrapped_by, given=self.masters.current)
        return plain

    def use_fingerprint_key(self, key: WrappedKey) -> None:
        self._fingerprint_key = self.unwrap(key)

    def fingerprint(self, merchant_id: UUID, number: str) -> bytes:
        """Equal for the same card of the same merchant; it reveals nothing without the key."""
        assert self._fingerprint_key
        text = merchant_id.bytes + number.encode()
        return hmac.digest(self._fingerprint_key, text, "sha256")[:_FINGERPRINT_BYTES]

    def seal(self, key: WrappedKey, card_id: UUID, merchant_id: UUID, card: Card) -> bytes:
        """Encrypt a card for its row: it does not open under another token or merchant."""
        nonce = os.urandom(NONCE_BYTES)
        place = _place(key.id, card_id, merchant_id)
        return nonce + self._cipher(key).encrypt(nonce, msgspec.json.encode(card), place)

    def open(self, key: WrappedKey, card_id: UUID, merchant_id: UUID, sealed: bytes) -> Card:
        """Decrypt a card."""
        place = _place(key.id, card_id, merchant_id)
        try:
            text = self._cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except InvalidTag:
            # Changed, or moved to another row, which no code of the vault does.
            raise InvariantViolated("a card does not open in its place") from None
        return msgspec.json.decode(text, type=Card)

    def _cipher(self, key: WrappedKey) -> AESGCM:
        cipher = self._ciphers.get(key.id)
        if cipher is None:
            cipher = self._ciphers[key.id] = AESGCM(self.unwrap(key))
        return cipher


def _context(key_id: UUID, purpose: str) -> bytes:
    return b"suya vault key 1 " + purpose.encode() + key_id.bytes


def _place(key_id: UUID, card_id: UUID, merchant_id: UUID) -> bytes:
    return b"suya card 1 " + key_id.bytes + card_id.bytes + merchant_id.bytes
