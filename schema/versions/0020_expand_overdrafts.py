"""How often a balance went below zero, and how far refunds may take it."""

from schema.statements import run

revision = "0020_expand_overdrafts"
down_revision = "0019_expand_operator_keys"
branch_labels = None
depends_on = None

# `overdrafts` numbers the events about it. The limit is in minor units of each currency; without it
# refunds may take what is available as far below zero as they go.
UP = """
ALTER TABLE accounts ADD COLUMN overdrafts INT8 NOT NULL DEFAULT 0;

ALTER TABLE merchants ADD COLUMN negative_limit_minor INT8;

ALTER TABLE merchants ADD CONSTRAINT merchants_negative_limit_positive
      CHECK (negative_limit_minor >= 0);
"""


def upgrade() -> None:
    """Add the columns."""
    run(UP)
