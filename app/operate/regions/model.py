"""The state of a database, the wanted state, and whether it can be reached. Pure values."""

import re
from typing import Literal

import msgspec

from app.base.settings import REGION_PATTERN
from app.operate.regions.errors import RegionsRefused

Goal = Literal["zone", "region"]
"""What is survived without losing writes: the loss of one zone, or of one whole region."""

REGIONS_FOR_REGION_GOAL = 3
"""A quorum must be left after one region is lost; CockroachDB refuses the goal with fewer."""


class Table(msgspec.Struct, frozen=True):
    """One of Suya's tables."""

    name: str
    regional: bool
    """Its rows have a `region` and live there; other tables are read everywhere."""
    locality: str = ""
    """In the server's words, such as `REGIONAL BY ROW AS home_1a2b3c4d`; empty before regions."""
    homes: tuple[str, ...] = ()
    """Its computed columns `home_<digest>`, in the order of their names."""
    locked: bool = False
    """Its schema is locked against changes; CockroachDB 26.1 and later create tables so."""
    options: tuple[str, ...] = ()
    """Its storage parameters, `name=value`."""


class DatabaseRegions(msgspec.Struct, frozen=True):
    """The state of the database, as it describes itself."""

    database: str
    cluster: tuple[str, ...]
    """The regions in the localities of nodes."""
    regions: tuple[str, ...]
    """The database's; none before it is multi-region."""
    primary: str | None
    goal: Goal | None
    tables: tuple[Table, ...]
    strangers: tuple[str, ...] = ()
    """Tables that are not Suya's."""
    homes: tuple[str, ...] = ()
    """Regions that are some merchant's home."""


class Wanted(msgspec.Struct, frozen=True):
    """What the operator asked for."""

    regions: tuple[str, ...]
    """The first is the primary region."""
    goal: Goal

    @property
    def primary(self) -> str:
        """The region of rows whose home is no region of the database."""
        return self.regions[0]


def choose(
    state: DatabaseRegions, *, regions: tuple[str, ...], goal: Goal | None, own_region: str
) -> Wanted:
    """Derive the wanted state from what was asked for and what exists.

    Regions of the database stay: a region can be dropped only after its rows have moved.

    Args:
        regions: asked for, the primary one first; none means those of the cluster.
        goal: asked for; none means the present one, or the loss of a zone.
        own_region: of this process; the primary region unless another was asked for.

    Raises:
        RegionsRefused
    """
    if state.strangers:
        names = ", ".join(state.strangers)
        raise RegionsRefused(
            why=f"The database '{state.database}' holds tables that are not Suya's ({names}): "
            "give Suya a database of its own"
        )
    if not state.cluster:
        raise RegionsRefused(
            why="No node of the cluster says where it is: start the nodes with "
            "--locality=region=<name>,zone=<name>"
        )
    asked = regions or _of_cluster(state, own_region)
    for region in asked:
        if region not in state.cluster and region not in state.regions:
            raise RegionsRefused(
                why=f"Region '{region}' is not one of the cluster's "
                f"({', '.join(state.cluster)}): correct SUYA_REGIONS, or start nodes with "
                f"--locality=region={region} first"
            )
        if not re.fullmatch(REGION_PATTERN, region):
            raise RegionsRefused(
                why=f"Region '{region}' has a name that no merchant's home can have: a name has "
                "up to 63 of the characters a-z, 0-9 and '-'"
            )
    kept = tuple(region for region in state.regions if region not in asked)
    wanted = Wanted((*dict.fromkeys(asked), *kept), goal or state.goal or "zone")
    if wanted.goal == "region" and len(wanted.regions) < REGIONS_FOR_REGION_GOAL:
        raise RegionsRefused(
            why=f"Surviving the loss of a region needs {REGIONS_FOR_REGION_GOAL} regions, and "
            f"there would be {len(wanted.regions)} ({', '.join(wanted.regions)}): add regions, "
            "or survive the loss of a zone"
        )
    return wanted


def _of_cluster(state: DatabaseRegions, own_region: str) -> tuple[str, ...]:
    """The cluster's regions; first the present primary region, or else the nearest."""
    first = state.primary or (own_region if own_region in state.cluster else state.cluster[0])
    return (first, *(region for region in state.cluster if region != first))


def remarks(state: DatabaseRegions, wanted: Wanted, asked: tuple[str, ...]) -> list[str]:
    """Remarks for the operator beside the plan; none of them stops anything."""
    said = []
    if homeless := [home for home in state.homes if home not in wanted.regions]:
        said.append(
            f"Merchants are at home in {', '.join(homeless)}, which is no region of the database: "
            f"their rows are kept in the primary region {wanted.primary}. "
            "Give them a home there is: suya merchants rehome."
        )
    if asked and (kept := [region for region in state.regions if region not in asked]):
        said.append(
            f"The database has the region {', '.join(kept)}, which was not asked for; it stays. "
            "Move its merchants away first, then drop it by hand."
        )
    return said
