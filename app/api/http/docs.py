"""What each route says about itself, from which the OpenAPI document and the pages are made."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel

from app.base.errors import PlatformError, Problem
from app.domains.payments.views import PaymentView


class Health(msgspec.Struct, frozen=True):
    """How the process is."""

    status: str


class BulkResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of one item of a bulk request."""

    status: int
    """What a single request would have been answered."""
    payment: PaymentView | None = None
    problem: Problem | None = None
    replayed: bool = False
    """Whether an earlier request under the same key did the work."""


CONSISTENCY_PARAMETER: dict[str, Any] = {
    "type": "string",
    "enum": ["current", "stale"],
    "default": "current",
    "description": "Stale: from the nearest replica, some seconds old; the header Age tells.",
}

PAGING_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    "starting_after": {"type": "string", "description": "An id; the page begins after it."},
    "ending_before": {
        "type": "string",
        "description": "An id; the page ends before it. A list is in the order of ids, which are "
        "made when things are asked for: what is committed late stands below what was seen. Only "
        "the list of events has the order of commits, and can be followed without missing any.",
    },
    "consistency": CONSISTENCY_PARAMETER,
}

LIST_PARAMETERS: dict[str, dict[str, Any]] = dict(PAGING_PARAMETERS) | {
    f"created[{bound}]": {"type": "string", "format": "date-time"}
    for bound in ("gte", "gt", "lte", "lt")
}


class Doc(msgspec.Struct, frozen=True):
    """One route, as the documentation shows it."""

    summary: str
    body: type[BaseModel] | None = None
    body_many: bool = False
    """The body is an array of them."""
    upload: bool = False
    """The body may be a form with a file as well."""
    answer: type[msgspec.Struct] | None = None
    many: bool = False
    """The answer is a page of them."""
    status: int = 200
    errors: Sequence[type[PlatformError]] = ()
    """Refusals of its own, beside those every route has."""
    idempotent: bool = False
    """Takes an Idempotency-Key."""
    provisional: bool = False
    """May answer 202 while a flow goes on outside; takes `Prefer`."""
    admin: bool = False
    public: bool = False
    text: bool = False
    parameters: Mapping[str, Mapping[str, Any]] = {}

    def opt(self) -> dict[str, Any]:
        """As Litestar's `opt` of a route."""
        return {"doc": self}
