"""Sagas: flows that touch the outside between two transactions."""

from schema.statements import run

revision = "0006_expand_sagas"
down_revision = "0005_expand_rehoming"
branch_labels = None
depends_on = None

UP = """
-- One run of a flow: what it is about, and at which step it goes on if its process dies. Written in
-- the transactions of the flow's own steps. REGIONAL BY ROW: with the object it is about.
CREATE TABLE sagas (
    region          TEXT        NOT NULL,
    merchant_id     UUID        NOT NULL,
    id              UUID        NOT NULL,
    name            TEXT        NOT NULL,
    object_id       UUID        NOT NULL,
    recovery_point  TEXT        NOT NULL,
    status          TEXT        NOT NULL,
    attempts        INT8        NOT NULL,
    data            TEXT        NOT NULL,
    note            TEXT,
    key_id          UUID,
    correlation_id  TEXT        NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    lease_until     TIMESTAMPTZ,
    bucket          INT8        NOT NULL,
    CONSTRAINT sagas_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT sagas_status_known CHECK (status IN ('running', 'parked', 'done')),
    CONSTRAINT sagas_attempts_positive CHECK (attempts >= 0),
    CONSTRAINT sagas_bucket_range CHECK (bucket BETWEEN 0 AND 15)
);

-- By bucket, so that times, which ascend, are spread over the key space.
CREATE INDEX sagas_due ON sagas (region, bucket, next_attempt_at, merchant_id, id)
 WHERE status = 'running';

CREATE INDEX sagas_parked ON sagas (region, merchant_id, id)
 WHERE status = 'parked';

CREATE INDEX sagas_by_object ON sagas (region, merchant_id, object_id, id);

CREATE INDEX sagas_by_correlation ON sagas (region, merchant_id, correlation_id, id);
"""


def upgrade() -> None:
    """Create the table."""
    run(UP)
