"""Quotes whose time passes at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.databases import execute

_SET = "UPDATE fx_quotes SET expires_at = {} WHERE correlation_id = %s"


@contextmanager
def expired(database_url: str, quote: dict[str, Any]) -> Iterator[None]:
    """Within the block a quote's time has passed; afterwards it is what its events say again."""
    execute(database_url, _SET.format("created_at"), [quote["correlation_id"]])
    try:
        yield
    finally:
        put_back = [quote["expires_at"], quote["correlation_id"]]
        execute(database_url, _SET.format("%s"), put_back)
