"""Idempotency: one key, one effect, one answer.

Guarantees: of all commands under one key of one merchant, whenever and wherever they arrive,
exactly one acts; the others get its answer byte for byte, or a refusal if they asked for something
else. The key is written in the transaction of its effect, so neither exists without the other.

Owns `idempotency_keys`.

Never stores an answer that decided nothing (a malformed request, "try again later").
"""

from app.idempotency.commands import claim, keep
from app.idempotency.errors import KeyMalformed, KeyMissing, KeyReused
from app.idempotency.model import (
    Answer,
    Claims,
    Intent,
    intent,
    internal_intent,
    parse_key,
    refusal,
)
from app.idempotency.store import sweep

__all__ = [
    "Answer",
    "Claims",
    "Intent",
    "KeyMalformed",
    "KeyMissing",
    "KeyReused",
    "claim",
    "intent",
    "internal_intent",
    "keep",
    "parse_key",
    "refusal",
    "sweep",
]
