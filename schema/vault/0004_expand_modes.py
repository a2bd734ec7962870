"""Cards of test merchants and of live ones."""

from schema.statements import run

revision = "0004_expand_modes"
down_revision = "0003_expand_key_generations"
branch_labels = None
depends_on = None

# The mode of the publishable key under which a card was left. Cards from before were never live.
UP = """
ALTER TABLE cards ADD COLUMN mode TEXT NOT NULL DEFAULT 'test';

ALTER TABLE cards ADD CONSTRAINT cards_mode_known CHECK (mode IN ('test', 'live'));
"""


def upgrade() -> None:
    """Add the column."""
    run(UP)
