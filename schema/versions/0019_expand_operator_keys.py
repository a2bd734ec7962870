"""Idempotency keys of the operator's requests."""

from schema.statements import run

revision = "0019_expand_operator_keys"
down_revision = "0018_expand_key_generation"
branch_labels = None
depends_on = None

UP = """
-- As `idempotency_keys`, for requests under the admin key, which belong to no merchant. Written
-- with the effect; swept after expiry. GLOBAL like merchants: one key acts once, whichever region
-- is asked.
CREATE TABLE operator_keys (
    id             UUID        NOT NULL,
    key            TEXT        NOT NULL,
    request        TEXT        NOT NULL,
    status         INT8        NOT NULL,
    body           TEXT        NOT NULL,
    correlation_id TEXT        NOT NULL,
    expires_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT operator_keys_pkey PRIMARY KEY (id),
    CONSTRAINT operator_keys_status_range CHECK (status BETWEEN 200 AND 499)
);
"""


def upgrade() -> None:
    """Create the table."""
    run(UP)
