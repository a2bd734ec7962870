"""Merchants and keys as the command line shows them."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from app.base import ids
from app.cli.failures import CommandFailed

if TYPE_CHECKING:
    from app.domains.merchants.model import ApiKey, Merchant
    from app.engine.saga import Flow

COLUMNS_OF_MERCHANT = (
    "id", "name", "home_region", "former_region", "mode", "fee_bps", "fee_fixed_minor",
)  # fmt: skip
COLUMNS_OF_KEY = ("id", "prefix", "name", "scopes", "created_at", "revoked_at")
COLUMNS_OF_FLOW = (
    "id", "name", "status", "recovery_point", "attempts", "next_attempt_at", "note",
    "correlation_id",
)  # fmt: skip


def parse_id(kind: str, text: str) -> UUID:
    """Parse the id inside an argument.

    Raises:
        CommandFailed: it is not an id of that kind.
    """
    try:
        return ids.decode(kind, text)
    except ids.MalformedId as error:
        prefix = ids.PREFIXES[kind]
        raise CommandFailed(f"'{text}' is not an id of the form {prefix}_...") from error


def merchant_view(merchant: "Merchant") -> dict[str, Any]:
    """Convert a merchant to the structure of the JSON output."""
    return _view("merchant", merchant)


def merchant_row(merchant: "Merchant") -> list[Any]:
    """Return a merchant's cells for a table."""
    view = merchant_view(merchant)
    return [view[column] for column in COLUMNS_OF_MERCHANT]


def key_view(key: "ApiKey") -> dict[str, Any]:
    """Convert a key to the structure of the JSON output; it contains no secret."""
    return {**_view("api_key", key), "merchant_id": ids.encode("merchant", key.merchant_id)}


def key_row(key: "ApiKey") -> list[Any]:
    """Return a key's cells for a table."""
    view = key_view(key)
    return [view[column] for column in COLUMNS_OF_KEY]


def flow_view(flow: "Flow") -> dict[str, Any]:
    """Convert a flow to the structure of the JSON output; its data hold no secret."""
    merchant = ids.encode("merchant", flow.merchant_id)
    view: dict[str, Any] = {**_view("saga", flow), "merchant_id": merchant}
    del view["former_region"], view["key_id"]
    return view


def flow_row(flow: "Flow") -> list[Any]:
    """Return a flow's cells for a table."""
    view = flow_view(flow)
    return [view[column] for column in COLUMNS_OF_FLOW]


def _view(kind: str, struct: msgspec.Struct) -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(struct)
    return {**view, "id": ids.encode(kind, UUID(view["id"]))}
