"""The ledger: accounts, transfers, entries, holds and journal blocks."""

from alembic import op

from schema.statements import run

revision = "0002_expand_ledger"
down_revision = "0001_expand_merchants"
branch_labels = None
depends_on = None

UP = """
-- A ledger account: one merchant, one currency, one normal side. The platform's own accounts belong
-- to the nil merchant. Written by the ledger, under the row's lock. REGIONAL BY ROW: at home.
CREATE TABLE accounts (
    region               TEXT        NOT NULL,
    merchant_id          UUID        NOT NULL,
    id                   UUID        NOT NULL,
    kind                 TEXT        NOT NULL,
    currency             TEXT        NOT NULL,
    normal_side          TEXT        NOT NULL,
    floor_minor          INT8,
    posted_debits_minor  INT8        NOT NULL,
    posted_credits_minor INT8        NOT NULL,
    pending_debits_minor INT8        NOT NULL,
    pending_credits_minor INT8       NOT NULL,
    version              INT8        NOT NULL,
    status               TEXT        NOT NULL,
    customer             TEXT,
    description          TEXT,
    metadata             JSONB       NOT NULL,
    correlation_id       TEXT        NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL,
    booked_at            TIMESTAMPTZ NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT accounts_normal_side_known CHECK (normal_side IN ('debit', 'credit')),
    CONSTRAINT accounts_status_known CHECK (status IN ('open', 'closed')),
    CONSTRAINT accounts_sums_positive CHECK (
        posted_debits_minor >= 0 AND posted_credits_minor >= 0
        AND pending_debits_minor >= 0 AND pending_credits_minor >= 0
    ),
    CONSTRAINT accounts_floor_kept CHECK (
        floor_minor IS NULL
        OR CASE WHEN normal_side = 'credit'
                THEN posted_credits_minor - posted_debits_minor - pending_debits_minor
                ELSE posted_debits_minor - posted_credits_minor - pending_credits_minor
           END >= floor_minor
    )
);

-- A movement of money: immutable, balanced, with its entries as the text its journal block hashed.
-- Written by the ledger. REGIONAL BY ROW.
CREATE TABLE transfers (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    kind           TEXT        NOT NULL,
    purpose        TEXT        NOT NULL,
    payment_id     UUID,
    hold_id        UUID,
    entries        TEXT        NOT NULL,
    description    TEXT,
    metadata       JSONB       NOT NULL,
    block_writer   UUID        NOT NULL,
    block_sequence INT8        NOT NULL,
    correlation_id TEXT        NOT NULL,
    booked_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT transfers_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT transfers_kind_known CHECK (kind IN ('posted', 'pending', 'post', 'void', 'expire'))
);

CREATE INDEX transfers_by_payment ON transfers (region, merchant_id, payment_id, id)
 WHERE payment_id IS NOT NULL;

-- One side of a transfer on one account, with the account's sums after it. The key is the account's
-- own timeline, so the balance as of any instant is one look-up. Written by the ledger for ever.
CREATE TABLE entries (
    region                TEXT        NOT NULL,
    merchant_id           UUID        NOT NULL,
    account_id            UUID        NOT NULL,
    booked_at             TIMESTAMPTZ NOT NULL,
    version               INT8        NOT NULL,
    transfer_id           UUID        NOT NULL,
    direction             TEXT        NOT NULL,
    posted_minor          INT8        NOT NULL,
    pending_minor         INT8        NOT NULL,
    posted_debits_minor   INT8        NOT NULL,
    posted_credits_minor  INT8        NOT NULL,
    pending_debits_minor  INT8        NOT NULL,
    pending_credits_minor INT8        NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (region, merchant_id, account_id, booked_at, version),
    CONSTRAINT entries_direction_known CHECK (direction IN ('debit', 'credit')),
    CONSTRAINT entries_move_something CHECK (
        posted_minor > 0 OR (posted_minor = 0 AND pending_minor <> 0)
    )
);

-- What became of a pending transfer: how much of it was posted, and how it ended. Written by the
-- ledger, under the row's lock. REGIONAL BY ROW.
CREATE TABLE holds (
    region            TEXT        NOT NULL,
    merchant_id       UUID        NOT NULL,
    id                UUID        NOT NULL,
    payment_id        UUID        NOT NULL,
    debit_account_id  UUID        NOT NULL,
    credit_account_id UUID        NOT NULL,
    amount_minor      INT8        NOT NULL,
    posted_minor      INT8        NOT NULL,
    status            TEXT        NOT NULL,
    expires_at        TIMESTAMPTZ NOT NULL,
    bucket            INT8        NOT NULL,
    CONSTRAINT holds_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT holds_status_known CHECK (status IN ('open', 'posted', 'voided', 'expired')),
    CONSTRAINT holds_posted_within_amount CHECK (posted_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT holds_bucket_range CHECK (bucket BETWEEN 0 AND 15)
);

-- By bucket, so that expiry times, which ascend, are spread over the key space.
CREATE INDEX holds_to_expire ON holds (region, bucket, expires_at, merchant_id, id)
 WHERE status = 'open';

-- What one commit added to the journal: the Merkle root over its transfers, chained to the previous
-- block of the same writer. Tamper evidence without a lock. Written by the ledger, never changed.
CREATE TABLE journal_blocks (
    region         TEXT        NOT NULL,
    writer         UUID        NOT NULL,
    sequence       INT8        NOT NULL,
    previous_hash  BYTEA       NOT NULL,
    root           BYTEA       NOT NULL,
    hash           BYTEA       NOT NULL,
    merchant_ids   UUID[]      NOT NULL,
    transfer_ids   UUID[]      NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT journal_blocks_pkey PRIMARY KEY (region, writer, sequence),
    CONSTRAINT journal_blocks_sequence_positive CHECK (sequence > 0)
);
"""

# PostgreSQL only: room in each page, so that a new balance stays in the page of the old one and
# touches no index (a heap-only update); CockroachDB has no pages to speak of.
POSTGRESQL = """
ALTER TABLE accounts SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE holds SET (fillfactor = 80);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
    if op.get_bind().dialect.name == "postgresql":
        run(POSTGRESQL)
