"""Sagas: a flow is one declaration of steps.

Guarantees: an atomic step's outcome is durable before anybody hears of it, and a step that is asked
for twice under one key acts once.

Owns no table: flows made of atomic steps need no state between them.

Never touches the world inside a transaction.
"""

from app.saga.model import Saga, atomic

__all__ = ["Saga", "atomic"]
