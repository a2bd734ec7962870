"""Fences: what no transaction writes before any more."""

from schema.statements import run

revision = "0015_expand_fences"
down_revision = "0014_expand_inquiries"
branch_labels = None
depends_on = None

# One for each transaction that a process may have in flight in a region. A transaction locks its
# fence first, and dates nothing before `closed_at`; who wants to know what is final moves that on.
UP = """
CREATE TABLE fences (
    region    TEXT        NOT NULL,
    id        UUID        NOT NULL,
    closed_at TIMESTAMPTZ NOT NULL,
    made_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT fences_pkey PRIMARY KEY (region, id)
);
"""


def upgrade() -> None:
    """Create the table."""
    run(UP)
