"""The fingerprints of cards leave this database: beside other digits they tell too much."""

from schema.statements import run

revision = "0017_contract_fingerprints"
down_revision = "0016_expand_fingerprints"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE payment_methods DROP COLUMN fingerprint;
"""


def upgrade() -> None:
    """Erase them."""
    run(UP)
