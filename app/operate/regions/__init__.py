"""Multi-region on CockroachDB: the home of each row, and idempotency keys that expire themselves.

Guarantees: a plan follows from the present state of the database alone, so it can be made at any
time, and finishes one that was interrupted. A refusal changes nothing. Every unique constraint of a
merchant's table is checked within one region.

Owns no table, but the computed column `home_<digest>` of each merchant's table.

Never drops a region or a row, and never touches a database with tables that are not Suya's. On
PostgreSQL it does nothing.
"""

from app.operate.regions.apply import apply, make_plan, read_state
from app.operate.regions.errors import ChangeRefused, NoLicence, RegionsRefused, SchemaBusy
from app.operate.regions.model import DatabaseRegions, Goal, Table, Wanted
from app.operate.regions.plan import RegionPlan, Statement, plan
from app.operate.regions.ttl import set_ttl

__all__ = [
    "ChangeRefused",
    "DatabaseRegions",
    "Goal",
    "NoLicence",
    "RegionPlan",
    "RegionsRefused",
    "SchemaBusy",
    "Statement",
    "Table",
    "Wanted",
    "apply",
    "make_plan",
    "plan",
    "read_state",
    "set_ttl",
]
