"""Publishable keys (`pk_...`), with which a browser tells the vault the merchant of a card.

A key is its merchant's id, a generation and a signature of both, so the vault needs no table of
keys, and no access to the api's database. It is public: it only allows to leave a card in the
vault. Of a merchant's keys the vault takes those from some generation on.
"""

import base64
import hmac
import re
from typing import Final, NamedTuple
from uuid import UUID

from app.base import ids
from app.base.modes import Mode

_FORM: Final = re.compile(
    r"pk_((test|live)_([0-7][0-9a-hjkmnp-tv-z]{25})(?:_([1-9][0-9]{0,8}))?)_([a-z2-7]{26})"
)
_MAC_BYTES: Final = 16  # 128 bits: beyond guessing online, short enough for a page's source


class PublishableKey(NamedTuple):
    """What a genuine key says."""

    merchant_id: UUID
    generation: int
    mode: Mode


def publishable_key(merchant_id: UUID, mode: str, client_key: str, generation: int = 1) -> str:
    """The key of a merchant and a generation, the same each time; `mode` is `test` or `live`."""
    subject = f"{mode}_{ids.encode('merchant', merchant_id).partition('_')[2]}"
    if generation > 1:
        # The first has no number, so that keys from before there were generations are of it.
        subject = f"{subject}_{generation}"
    return f"pk_{subject}_{_mac(subject, client_key)}"


def read_publishable_key(text: str, client_key: str) -> PublishableKey | None:
    """What a key says; none if it is not genuine."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    subject, mode, merchant, generation, mac = match.groups()
    if not hmac.compare_digest(mac, _mac(subject, client_key)):
        return None
    merchant_id = ids.decode("merchant", f"mer_{merchant}")
    return PublishableKey(merchant_id, int(generation or 1), "live" if mode == "live" else "test")


def _mac(subject: str, client_key: str) -> str:
    digest = hmac.digest(client_key.encode(), b"suya publishable key " + subject.encode(), "sha256")
    return base64.b32encode(digest[:_MAC_BYTES]).decode().rstrip("=").lower()
