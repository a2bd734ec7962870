"""Which target a name means, and whether it can be had here."""

from pathlib import Path

from app.chaos.embedded import EmbeddedTarget
from app.chaos.processes import program
from app.chaos.targets import CannotRun, LocalTarget, Options, TargetKind


def why_not_target(kind: TargetKind) -> str:
    """Why a target cannot be had here; empty if it can."""
    if kind is TargetKind.CLUSTER and program("cockroach") is None:
        return "the program cockroach is not on the PATH"
    return "" if kind is TargetKind.EMBEDDED else "not yet"


def make_target(kind: TargetKind, folder: Path, options: Options) -> LocalTarget:
    """A target, not started."""
    if kind is TargetKind.EMBEDDED:
        return EmbeddedTarget(folder, options)
    raise CannotRun(f"{kind} cannot be had here.")
