"""Disputes that begin as a bank's question."""

from schema.statements import run

revision = "0014_expand_inquiries"
down_revision = "0013_expand_disputes"
branch_labels = None
depends_on = None

# `inquiry` says that the bank only asks: nothing was withdrawn yet. What it becomes then is news,
# whatever its deadline; and old news of the inquiry is known by it.
UP = """
ALTER TABLE disputes ADD COLUMN inquiry BOOL NOT NULL DEFAULT FALSE;
"""


def upgrade() -> None:
    """Add the column."""
    run(UP)
