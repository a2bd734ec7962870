"""Payment methods without a fingerprint, which is the vault's own."""

from schema.statements import run

revision = "0016_expand_fingerprints"
down_revision = "0015_expand_fences"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE payment_methods ALTER COLUMN fingerprint DROP NOT NULL;
"""


def upgrade() -> None:
    """Let rows be written without one."""
    run(UP)
