"""Refusals of flows."""

from app.base.errors import Unavailable


class NothingDone(Unavailable):
    """What was asked for surely had no effect anywhere; ask again."""

    code = "nothing_done"
