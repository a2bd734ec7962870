"""Refusals of flows."""

from app.base.errors import NotFound, Unavailable


class NothingDone(Unavailable):
    """What was asked for surely had no effect anywhere; ask again."""

    code = "nothing_done"


class SagaNotFound(NotFound):
    """There is no saga {saga}."""

    code = "saga_not_found"
