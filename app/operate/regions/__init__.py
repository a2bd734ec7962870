"""Multi-region on CockroachDB: which region keeps which row, and rows that expire by themselves.

Guarantees: a plan is made from what the database says of itself, so it can be asked for at any
time, and one that was interrupted anywhere is finished by the next; what is refused changed
nothing. Every unique constraint of a merchant's table is checked in one region only.

Owns no table, but the computed column `home_<digest>` of each merchant's table.

Never drops a region or a row, never touches a database with tables that are not Suya's, and does
nothing on PostgreSQL.
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
