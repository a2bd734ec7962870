"""The targets by name, and whether this machine can have them."""

from pathlib import Path

from app.base.settings import Settings
from app.devkit.chaos.compose import ComposeTarget
from app.devkit.chaos.embedded import EmbeddedTarget
from app.devkit.chaos.targets import Options, Target, TargetKind
from app.devkit.stack import find_program

COMPOSE_FILE = Path("compose.yaml")
_PROGRAMS = {TargetKind.CLUSTER: "cockroach", TargetKind.COMPOSE: "docker"}


def why_not_target(kind: TargetKind) -> str:
    """Why this machine cannot have a target; empty if it can."""
    needed = _PROGRAMS.get(kind)
    if needed is not None and find_program(needed) is None:
        return f"the program {needed} is not on the PATH"
    if kind is TargetKind.COMPOSE and not COMPOSE_FILE.exists():
        return f"there is no {COMPOSE_FILE} in this folder"
    return ""


def make_target(kind: TargetKind, folder: Path, options: Options) -> Target:
    """A target, not started."""
    if kind is TargetKind.COMPOSE:
        return ComposeTarget(COMPOSE_FILE, Settings.load())
    if kind is TargetKind.CLUSTER:
        from app.devkit.chaos.cluster import ClusterTarget  # noqa: PLC0415 - where it is asked for

        return ClusterTarget(folder, options)
    return EmbeddedTarget(folder, options)
