"""Publishable keys (`pk_...`), with which a browser tells the vault the merchant of a card.

A key is its merchant's id and a signature of it, so the vault needs no table of keys, and no access
to the api's database. It is public: it only allows to leave a card in the vault.
"""

import base64
import hmac
import re
from typing import Final
from uuid import UUID

from app.base import ids

_FORM: Final = re.compile(r"pk_(test|live)_([0-7][0-9a-hjkmnp-tv-z]{25})_([a-z2-7]{26})")
_MAC_BYTES: Final = 16  # 128 bits: beyond guessing online, short enough for a page's source


def publishable_key(merchant_id: UUID, mode: str, client_key: str) -> str:
    """The key of a merchant, the same each time; `mode` is `test` or `live`."""
    subject = f"{mode}_{ids.encode('merchant', merchant_id).partition('_')[2]}"
    return f"pk_{subject}_{_mac(subject, client_key)}"


def read_publishable_key(text: str, client_key: str) -> UUID | None:
    """The merchant of a key; none if the key is not genuine."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    mode, merchant, mac = match.groups()
    if not hmac.compare_digest(mac, _mac(f"{mode}_{merchant}", client_key)):
        return None
    return ids.decode("merchant", f"mer_{merchant}")


def _mac(subject: str, client_key: str) -> str:
    digest = hmac.digest(client_key.encode(), b"suya publishable key " + subject.encode(), "sha256")
    return base64.b32encode(digest[:_MAC_BYTES]).decode().rstrip("=").lower()
