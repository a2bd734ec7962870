"""Dividing a conversion."""

from collections.abc import Sequence

from app.domains.fx import Conversion, nothing_of, plus, step


def in_parts_of(whole: Conversion, sizes: Sequence[int]) -> list[Conversion]:
    """The parts of these sizes, one after the other."""
    had, parts = nothing_of(whole), []
    for size in sizes:
        parts.append(step(whole, had, size))
        had = plus(had, parts[-1])
    return parts
