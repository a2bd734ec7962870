"""Merchants, their API keys, and the workers' leases."""

from schema.statements import run

revision = "0001_expand_merchants"
down_revision = None
branch_labels = None
depends_on = None

UP = """
-- A tenant. Written by the admin API. GLOBAL: read by every request everywhere, seldom written.
CREATE TABLE merchants (
    id              UUID        NOT NULL,
    name            TEXT        NOT NULL,
    home_region     TEXT        NOT NULL,
    mode            TEXT        NOT NULL,
    fee_bps         INT8        NOT NULL,
    fee_fixed_minor INT8        NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT merchants_pkey PRIMARY KEY (id),
    CONSTRAINT merchants_mode_known CHECK (mode IN ('test', 'live')),
    CONSTRAINT merchants_fee_bps_range CHECK (fee_bps BETWEEN 0 AND 10000),
    CONSTRAINT merchants_fee_fixed_range CHECK (fee_fixed_minor >= 0)
);

-- A secret a merchant's programs show; only its SHA-256 is kept. GLOBAL like merchants.
CREATE TABLE api_keys (
    id          UUID        NOT NULL,
    secret_hash BYTEA       NOT NULL,
    prefix      TEXT        NOT NULL,
    merchant_id UUID        NOT NULL,
    name        TEXT        NOT NULL,
    scopes      TEXT[]      NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    revoked_at  TIMESTAMPTZ,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_secret_unique UNIQUE (secret_hash),
    CONSTRAINT api_keys_merchant_exists FOREIGN KEY (merchant_id) REFERENCES merchants (id)
);

CREATE INDEX api_keys_by_merchant ON api_keys (merchant_id, id);

-- Who does a piece of background work just now. Written by workers; regional like the work.
CREATE TABLE leases (
    region     TEXT        NOT NULL,
    name       TEXT        NOT NULL,
    holder     UUID        NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (region, name)
);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
