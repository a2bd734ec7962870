"""Idempotency: one key, one effect, one answer.

Guarantees: of all commands under one key of one merchant, whenever and wherever they arrive,
exactly one acts; the others get its answer byte for byte, or a refusal if they asked for something
else. The key is written in the transaction of its effect, so neither exists without the other.

Owns `idempotency_keys`, and `operator_keys` for requests that belong to no merchant.

An answer of status 202 is provisional: a flow goes on behind it and replaces it when it ends.

Never stores an answer that decided nothing (a malformed request, "try again later").
"""

from app.engine.idempotency.commands import answer, claim, keep
from app.engine.idempotency.errors import KeyMalformed, KeyMissing, KeyReused
from app.engine.idempotency.model import (
    PROVISIONAL,
    Answer,
    Claims,
    Command,
    Intent,
    Kind,
    intent,
    internal_intent,
    parse_key,
    refusal,
)
from app.engine.idempotency.operators import act_once, find_kept, sweep_operators
from app.engine.idempotency.store import find_answer, pull_named, release_keys, sweep

__all__ = [
    "PROVISIONAL",
    "Answer",
    "Claims",
    "Command",
    "Intent",
    "KeyMalformed",
    "KeyMissing",
    "KeyReused",
    "Kind",
    "act_once",
    "answer",
    "claim",
    "find_answer",
    "find_kept",
    "intent",
    "internal_intent",
    "keep",
    "parse_key",
    "pull_named",
    "refusal",
    "release_keys",
    "sweep",
    "sweep_operators",
]
