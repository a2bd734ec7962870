"""Customers, and the cards they pay with, by token."""

from schema.statements import run

revision = "0008_expand_customers"
down_revision = "0007_expand_external_rails"
branch_labels = None
depends_on = None

UP = """
-- Somebody who pays a merchant. Written by the merchant's programs; one that is deleted stays, for
-- what was paid, and is not listed. REGIONAL BY ROW: with its merchant.
CREATE TABLE customers (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    name           TEXT,
    email          TEXT,
    phone          TEXT,
    description    TEXT,
    metadata       JSONB       NOT NULL,
    status         TEXT        NOT NULL,
    version        INT8        NOT NULL,
    correlation_id TEXT        NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT customers_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT customers_status_known CHECK (status IN ('active', 'deleted')),
    CONSTRAINT customers_version_positive CHECK (version >= 1)
);

CREATE INDEX customers_by_status ON customers (region, merchant_id, status, id);

-- A card that a merchant may charge: its token in the vault, and what may be shown of it. Written
-- when a merchant registers it or first pays with it. REGIONAL BY ROW: with its merchant.
CREATE TABLE payment_methods (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    customer_id    UUID,
    brand          TEXT        NOT NULL,
    bin            TEXT        NOT NULL,
    last4          TEXT        NOT NULL,
    exp_month      INT8        NOT NULL,
    exp_year       INT8        NOT NULL,
    fingerprint    TEXT        NOT NULL,
    status         TEXT        NOT NULL,
    version        INT8        NOT NULL,
    correlation_id TEXT        NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT payment_methods_status_known CHECK (status IN ('attached', 'detached')),
    CONSTRAINT payment_methods_version_positive CHECK (version >= 1),
    CONSTRAINT payment_methods_digits_few CHECK (length(bin) <= 6 AND length(last4) <= 4)
);

CREATE INDEX payment_methods_by_status ON payment_methods (region, merchant_id, status, id);

CREATE INDEX payment_methods_by_customer
    ON payment_methods (region, merchant_id, customer_id, status, id);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
