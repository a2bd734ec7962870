"""Payouts: merchants' bank accounts, the money on its way to them, and the files for the bank."""

from schema.statements import run

revision = "0010_expand_payouts"
down_revision = "0009_expand_fx_and_fees"
branch_labels = None
depends_on = None

UP = """
-- Where a merchant wants its money. Written by payouts, never changed. The account's number is here
-- and in the orders to the bank, and nowhere else. REGIONAL BY ROW.
CREATE TABLE bank_accounts (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    iban           TEXT        NOT NULL,
    name           TEXT        NOT NULL,
    metadata       JSONB       NOT NULL,
    version        INT8        NOT NULL,
    correlation_id TEXT        NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT bank_accounts_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT bank_accounts_iban_shape CHECK (length(iban) BETWEEN 15 AND 34)
);

-- Money on its way to a merchant's bank account, and how far it has come. Written by payouts, under
-- the row's lock. REGIONAL BY ROW.
CREATE TABLE payouts (
    region               TEXT        NOT NULL,
    merchant_id          UUID        NOT NULL,
    id                   UUID        NOT NULL,
    status               TEXT        NOT NULL,
    currency             TEXT        NOT NULL,
    amount_minor         INT8        NOT NULL,
    bank_account_id      UUID        NOT NULL,
    road                 TEXT        NOT NULL,
    file_id              UUID,
    failure_code         TEXT,
    description          TEXT,
    metadata             JSONB       NOT NULL,
    created_by           UUID,
    approved_by          UUID,
    transfer_id          UUID        NOT NULL,
    paid_transfer_id     UUID,
    returned_transfer_id UUID,
    version              INT8        NOT NULL,
    correlation_id       TEXT        NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL,
    CONSTRAINT payouts_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT payouts_status_known CHECK (status IN (
        'requires_approval', 'pending', 'in_transit', 'paid', 'failed', 'canceled'
    )),
    CONSTRAINT payouts_road_known CHECK (road IN ('single', 'file')),
    CONSTRAINT payouts_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT payouts_failure_told CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CONSTRAINT payouts_paid_once CHECK (status <> 'paid' OR paid_transfer_id IS NOT NULL),
    CONSTRAINT payouts_given_back_once CHECK (
        (status IN ('failed', 'canceled')) = (returned_transfer_id IS NOT NULL)
    ),
    CONSTRAINT payouts_approved_by_another CHECK (approved_by <> created_by)
);

-- Nearly every payout is paid, so a list of paid ones walks the primary key; the others are few.
CREATE INDEX payouts_by_status ON payouts (region, merchant_id, status, id)
 WHERE status <> 'paid';

-- What the next file for the bank will hold.
CREATE INDEX payouts_unfiled ON payouts (region, currency, merchant_id, id)
 WHERE status = 'pending' AND road = 'file' AND file_id IS NULL;

-- What a file holds.
CREATE INDEX payouts_by_file ON payouts (region, file_id, merchant_id, id)
 WHERE file_id IS NOT NULL;

-- A pain.001 file: the orders of many merchants, as they were or will be given to the bank. Written
-- by payouts with the payouts in it. REGIONAL BY ROW: where those payouts were.
CREATE TABLE payout_files (
    region     TEXT        NOT NULL,
    id         UUID        NOT NULL,
    currency   TEXT        NOT NULL,
    day        DATE        NOT NULL,
    status     TEXT        NOT NULL,
    content    TEXT        NOT NULL,
    payouts    INT8        NOT NULL,
    sum_minor  INT8        NOT NULL,
    rejected   JSONB       NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT payout_files_pkey PRIMARY KEY (region, id),
    CONSTRAINT payout_files_status_known CHECK (status IN (
        'made', 'accepted', 'partially_accepted', 'rejected'
    )),
    CONSTRAINT payout_files_not_empty CHECK (payouts > 0 AND sum_minor > 0)
);

-- What the bank has not confirmed.
CREATE INDEX payout_files_made ON payout_files (region, id)
 WHERE status = 'made';

-- How a merchant is paid out in a currency, where that is not by hand and up to the usual limit.
-- Written by operators. GLOBAL: read in every region, seldom written.
CREATE TABLE payout_plans (
    merchant_id     UUID        NOT NULL,
    currency        TEXT        NOT NULL,
    schedule        TEXT        NOT NULL,
    bank_account_id UUID,
    approval_minor  INT8,
    updated_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT payout_plans_pkey PRIMARY KEY (merchant_id, currency),
    CONSTRAINT payout_plans_merchant_exists FOREIGN KEY (merchant_id) REFERENCES merchants (id),
    CONSTRAINT payout_plans_schedule_known CHECK (schedule IN ('manual', 'daily')),
    CONSTRAINT payout_plans_daily_goes_somewhere CHECK (
        schedule <> 'daily' OR bank_account_id IS NOT NULL
    ),
    CONSTRAINT payout_plans_approval_positive CHECK (approval_minor >= 0)
);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
