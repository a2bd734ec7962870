"""Merchants that move from one region to another."""

from schema.statements import run

revision = "0005_expand_rehoming"
down_revision = "0004_expand_records"
branch_labels = None
depends_on = None

# The second region in which rows of this merchant may be, while it moves; and how often the two
# have changed, so that of several movers only one takes each step.
UP = """
ALTER TABLE merchants ADD COLUMN former_region TEXT;
ALTER TABLE merchants ADD COLUMN region_version INT8 NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Add the columns."""
    run(UP)
