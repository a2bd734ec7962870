"""Payments over rails that leave the building: cards and bank transfers."""

from schema.statements import run

revision = "0007_expand_external_rails"
down_revision = "0006_expand_sagas"
branch_labels = None
depends_on = None

# `rail` is what is known of the other side (processor, its reference, the card's brand) as JSON:
# nothing is ever searched by it. `operation_id` is the flow that is under way on the payment, of
# which there is one at a time.
UP = """
ALTER TABLE payments ADD COLUMN rail TEXT;
ALTER TABLE payments ADD COLUMN operation_id UUID;
ALTER TABLE refunds ADD COLUMN failure_code TEXT;
ALTER TABLE refunds ADD COLUMN processor_reference TEXT;
"""


def upgrade() -> None:
    """Add the columns."""
    run(UP)
