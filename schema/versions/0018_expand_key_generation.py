"""Publishable keys that can be replaced."""

from schema.statements import run

revision = "0018_expand_key_generation"
down_revision = "0017_contract_fingerprints"
branch_labels = None
depends_on = None

# `key_generation` is part of the merchant's publishable key; the vault refuses lower ones.
UP = """
ALTER TABLE merchants ADD COLUMN key_generation INT8 NOT NULL DEFAULT 1;

ALTER TABLE merchants ADD CONSTRAINT merchants_key_generation_positive CHECK (key_generation >= 1);
"""


def upgrade() -> None:
    """Add the column."""
    run(UP)
