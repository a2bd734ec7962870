"""The records beside the money: idempotency keys with their answers, and events."""

from schema.statements import run

revision = "0004_expand_records"
down_revision = "0003_expand_payments"
branch_labels = None
depends_on = None

UP = """
-- A client's name for one intent, what it asked, and the answer it got. The id is the key's hash:
-- keys that ascend do not crowd one range or page. Written with the effect; swept after expiry.
CREATE TABLE idempotency_keys (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    key            TEXT        NOT NULL,
    request        TEXT        NOT NULL,
    status         INT8        NOT NULL,
    body           TEXT        NOT NULL,
    correlation_id TEXT        NOT NULL,
    expires_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT idempotency_keys_status_range CHECK (status BETWEEN 200 AND 499)
);

-- A fact, appended in the transaction that made it true. `sequence` counts the facts about one
-- object without gaps. Written by every command, never changed. REGIONAL BY ROW.
CREATE TABLE events (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    type           TEXT        NOT NULL,
    object_id      UUID        NOT NULL,
    sequence       INT8        NOT NULL,
    data           TEXT        NOT NULL,
    correlation_id TEXT        NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT events_object_sequence_unique UNIQUE (region, merchant_id, object_id, sequence),
    CONSTRAINT events_sequence_positive CHECK (sequence > 0)
);

CREATE INDEX events_by_correlation ON events (region, merchant_id, correlation_id, id);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
