"""Looking up the tokens of one card, and the records of who did."""

from schema.statements import run

revision = "0002_expand_same_cards"
down_revision = "0001_expand_cards"
branch_labels = None
depends_on = None

UP = """
-- A merchant's tokens of one card.
CREATE INDEX cards_by_fingerprint ON cards (merchant_id, fingerprint, id);

ALTER TABLE card_uses DROP CONSTRAINT card_uses_action_known;

ALTER TABLE card_uses ADD CONSTRAINT card_uses_action_known
    CHECK (action IN ('tokenize', 'describe', 'compare', 'forward'));
"""


def upgrade() -> None:
    """Make the index, and let comparisons be recorded."""
    run(UP)
