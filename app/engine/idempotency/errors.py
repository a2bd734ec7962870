"""Refusals about keys."""

from app.base.errors import Invalid, Rejected


class KeyMissing(Invalid):
    """This request needs an Idempotency-Key header."""

    code = "idempotency_key_missing"


class KeyMalformed(Invalid):
    """An Idempotency-Key has 1 to 255 printable ASCII characters, bare or as a quoted string."""

    code = "idempotency_key_malformed"


class KeyReused(Rejected):
    """This Idempotency-Key was used for another request; they differ in: {differs_in}."""

    code = "idempotency_key_reused"
    status = 422
