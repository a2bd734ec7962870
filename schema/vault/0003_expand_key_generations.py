"""Which publishable keys of a merchant are good."""

from schema.statements import run

revision = "0003_expand_key_generations"
down_revision = "0002_expand_same_cards"
branch_labels = None
depends_on = None

UP = """
-- The lowest generation of a merchant's publishable keys that is good; without a row all are.
-- Written where an operator has the key rotated; it only ever rises.
CREATE TABLE key_generations (
    merchant_id UUID        NOT NULL,
    lowest      INT8        NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT key_generations_pkey PRIMARY KEY (merchant_id),
    CONSTRAINT key_generations_lowest_positive CHECK (lowest >= 1)
);
"""


def upgrade() -> None:
    """Create the table."""
    run(UP)
