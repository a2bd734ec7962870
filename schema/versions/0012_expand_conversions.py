"""Payments that convert, and all the terms of a fee plan.

There is no migration 0011, and there never was one: the number was skipped. Alembic goes by
`down_revision`, so a database that has 0010 is ready for this one. The number stays unused, because
a new file of that name would seem to come before migrations that databases already have.
"""

from schema.statements import run

revision = "0012_expand_conversions"
down_revision = "0010_expand_payouts"
branch_labels = None
depends_on = None

# `fee_plan` is what a payment costs, where that is more than `fee_bps` and `fee_fixed_minor`;
# `exchange` what was converted at which quote, and how much of it refunds have taken back; both as
# JSON: nothing is ever searched by them. Fees are in the currency that the merchant gets, so where
# that is another one they cannot be compared with what was captured.
UP = """
ALTER TABLE payments ADD COLUMN fee_plan TEXT;
ALTER TABLE payments ADD COLUMN exchange TEXT;
ALTER TABLE payments ADD COLUMN fee_refunded_minor INT8 NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD COLUMN exchanged TEXT;
ALTER TABLE refunds ADD COLUMN fee_refunded_minor INT8 NOT NULL DEFAULT 0;
ALTER TABLE payments DROP CONSTRAINT payments_fee_within_captured;
ALTER TABLE payments ADD CONSTRAINT payments_fee_range CHECK (
    fee_minor >= 0 AND (exchange IS NOT NULL OR fee_minor <= amount_captured_minor)
);
ALTER TABLE payments ADD CONSTRAINT payments_fee_refunded_within_fee CHECK (
    fee_refunded_minor BETWEEN 0 AND fee_minor
);
ALTER TABLE refunds ADD CONSTRAINT refunds_fee_positive CHECK (fee_refunded_minor >= 0);
"""


def upgrade() -> None:
    """Add the columns."""
    run(UP)
