"""Payments, their labels, and refunds."""

from alembic import op

from schema.statements import run

revision = "0003_expand_payments"
down_revision = "0002_expand_ledger"
branch_labels = None
depends_on = None

UP = """
-- What a payer owes through us, and how far it has come. Written by payments, under the row's lock.
-- REGIONAL BY ROW.
CREATE TABLE payments (
    region                TEXT        NOT NULL,
    merchant_id           UUID        NOT NULL,
    id                    UUID        NOT NULL,
    status                TEXT        NOT NULL,
    method                TEXT        NOT NULL,
    capture               TEXT        NOT NULL,
    account_id            UUID        NOT NULL,
    customer              TEXT,
    currency              TEXT        NOT NULL,
    amount_minor          INT8        NOT NULL,
    amount_captured_minor INT8        NOT NULL,
    amount_refunded_minor INT8        NOT NULL,
    fee_minor             INT8        NOT NULL,
    fee_bps               INT8        NOT NULL,
    fee_fixed_minor       INT8        NOT NULL,
    disputed              BOOL        NOT NULL,
    hold_id               UUID,
    description           TEXT,
    metadata              JSONB       NOT NULL,
    version               INT8        NOT NULL,
    correlation_id        TEXT        NOT NULL,
    created_at            TIMESTAMPTZ NOT NULL,
    updated_at            TIMESTAMPTZ NOT NULL,
    expires_at            TIMESTAMPTZ,
    CONSTRAINT payments_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT payments_status_known CHECK (status IN (
        'processing', 'requires_action', 'authorized', 'partially_captured', 'captured',
        'declined', 'failed', 'canceled', 'expired'
    )),
    CONSTRAINT payments_capture_known CHECK (capture IN ('automatic', 'manual')),
    CONSTRAINT payments_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT payments_captured_within_amount CHECK (
        amount_captured_minor BETWEEN 0 AND amount_minor
    ),
    CONSTRAINT payments_refunded_within_captured CHECK (
        amount_refunded_minor BETWEEN 0 AND amount_captured_minor
    ),
    CONSTRAINT payments_fee_within_captured CHECK (fee_minor BETWEEN 0 AND amount_captured_minor)
);

-- Nearly every payment is captured, so a list of captured ones walks the primary key; the others
-- are few and have an index of their own.
CREATE INDEX payments_by_status ON payments (region, merchant_id, status, id)
 WHERE status <> 'captured';

CREATE INDEX payments_by_customer ON payments (region, merchant_id, customer, id)
 WHERE customer IS NOT NULL;

-- One pair of a payment's metadata, so that payments are found by it in one look-up.
CREATE TABLE payment_labels (
    region      TEXT NOT NULL,
    merchant_id UUID NOT NULL,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    payment_id  UUID NOT NULL,
    CONSTRAINT payment_labels_pkey PRIMARY KEY (region, merchant_id, name, value, payment_id)
);

-- Money given back to the payer. Written by payments, never changed. REGIONAL BY ROW.
CREATE TABLE refunds (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    payment_id     UUID        NOT NULL,
    status         TEXT        NOT NULL,
    currency       TEXT        NOT NULL,
    amount_minor   INT8        NOT NULL,
    description    TEXT,
    metadata       JSONB       NOT NULL,
    version        INT8        NOT NULL,
    correlation_id TEXT        NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT refunds_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT refunds_status_known CHECK (status IN ('pending', 'succeeded', 'failed')),
    CONSTRAINT refunds_amount_positive CHECK (amount_minor > 0)
);

CREATE INDEX refunds_by_payment ON refunds (region, merchant_id, payment_id, id);
"""

POSTGRESQL = """
ALTER TABLE payments SET (fillfactor = 90);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
    if op.get_bind().dialect.name == "postgresql":
        run(POSTGRESQL)
