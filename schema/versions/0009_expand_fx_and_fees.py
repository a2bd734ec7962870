"""Foreign exchange: rates and quotes. And fee plans."""

from schema.statements import run

revision = "0009_expand_fx_and_fees"
down_revision = "0008_expand_customers"
branch_labels = None
depends_on = None

UP = """
-- A currency's rate on a day: units of it for one euro, as a source published them. Written by the
-- operator's import, replaced by another import of the same day; quotes keep the rate they were
-- made with. GLOBAL: read wherever a quote is made, written once a day.
CREATE TABLE fx_rates (
    source      TEXT        NOT NULL,
    day         DATE        NOT NULL,
    currency    TEXT        NOT NULL,
    rate        DECIMAL     NOT NULL,
    imported_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT fx_rates_pkey PRIMARY KEY (source, day, currency),
    CONSTRAINT fx_rates_rate_positive CHECK (rate > 0)
);

-- A promise to convert at a rate, once, until it expires, and what used it. Amounts are in minor
-- units: source_minor of the source currency, the others of the target currency. Written by fx
-- under the row's lock. REGIONAL BY ROW.
CREATE TABLE fx_quotes (
    region          TEXT        NOT NULL,
    merchant_id     UUID        NOT NULL,
    id              UUID        NOT NULL,
    source_currency TEXT        NOT NULL,
    target_currency TEXT        NOT NULL,
    side            TEXT        NOT NULL,
    source_minor    INT8        NOT NULL,
    gross_minor     INT8        NOT NULL,
    target_minor    INT8        NOT NULL,
    spread_minor    INT8        NOT NULL,
    reference_rate  DECIMAL     NOT NULL,
    spread_bps      INT8        NOT NULL,
    rate_source     TEXT        NOT NULL,
    rate_day        DATE        NOT NULL,
    status          TEXT        NOT NULL,
    transfer_id     UUID,
    payment_id      UUID,
    metadata        JSONB       NOT NULL,
    version         INT8        NOT NULL,
    correlation_id  TEXT        NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT fx_quotes_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT fx_quotes_side_known CHECK (side IN ('source', 'target')),
    CONSTRAINT fx_quotes_status_known CHECK (status IN ('open', 'used')),
    CONSTRAINT fx_quotes_currencies_differ CHECK (source_currency <> target_currency),
    CONSTRAINT fx_quotes_amounts_positive CHECK (
        source_minor > 0 AND gross_minor > 0 AND target_minor > 0 AND spread_minor >= 0
    ),
    CONSTRAINT fx_quotes_rate_positive CHECK (reference_rate > 0),
    CONSTRAINT fx_quotes_spread_range CHECK (spread_bps BETWEEN 0 AND 9999),
    CONSTRAINT fx_quotes_used_by_one CHECK (
        CASE WHEN status = 'used'
             THEN (transfer_id IS NULL) <> (payment_id IS NULL)
             ELSE transfer_id IS NULL AND payment_id IS NULL
        END
    )
);

-- What the platform takes of a merchant's payments on some rail and in some currency; `any` stands
-- for all of them. A plan is never changed, only ended; payments keep the terms they were made
-- with. Written by the admin API. GLOBAL like merchants.
CREATE TABLE fee_plans (
    id          UUID        NOT NULL,
    merchant_id UUID        NOT NULL,
    rail        TEXT        NOT NULL,
    currency    TEXT        NOT NULL,
    bps         INT8        NOT NULL,
    fixed_minor INT8        NOT NULL,
    min_minor   INT8        NOT NULL,
    max_minor   INT8,
    refunded    BOOL        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    ended_at    TIMESTAMPTZ,
    CONSTRAINT fee_plans_pkey PRIMARY KEY (id),
    CONSTRAINT fee_plans_merchant_exists FOREIGN KEY (merchant_id) REFERENCES merchants (id),
    CONSTRAINT fee_plans_rail_known CHECK (rail IN ('wallet', 'card', 'bank_transfer', 'any')),
    CONSTRAINT fee_plans_bps_range CHECK (bps BETWEEN 0 AND 10000),
    CONSTRAINT fee_plans_amounts_range CHECK (
        fixed_minor >= 0 AND min_minor >= 0 AND (max_minor IS NULL OR max_minor >= min_minor)
    )
);

CREATE INDEX fee_plans_by_merchant ON fee_plans (merchant_id, id);

-- One plan in force for each rail and currency, whoever makes two at once.
CREATE UNIQUE INDEX fee_plans_in_force ON fee_plans (merchant_id, rail, currency)
 WHERE ended_at IS NULL;
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
