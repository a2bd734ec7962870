"""Disputes, and the evidence merchants give."""

from schema.statements import run

revision = "0013_expand_disputes"
down_revision = "0012_expand_conversions"
branch_labels = None
depends_on = None

# `operation_id` is the flow that answers the dispute at the processor, of which there is one at a
# time. `opening_transfer_id` and `closing_transfer_id` are what was booked. `exchanged` is what of
# the payment's conversion was taken back, as JSON, where the merchant had got another currency.
# Evidence is counted on the dispute, under whose lock it is added, so that its limits hold.
UP = """
-- A payer's bank wants captured money back. The processor opens and decides it; here is what it
-- said last, and what was booked for it. Written by disputes, under the payment's and the row's
-- lock. REGIONAL BY ROW: with its payment.
CREATE TABLE disputes (
    region                TEXT        NOT NULL,
    merchant_id           UUID        NOT NULL,
    id                    UUID        NOT NULL,
    payment_id            UUID        NOT NULL,
    processor             TEXT        NOT NULL,
    processor_reference   TEXT        NOT NULL,
    status                TEXT        NOT NULL,
    reason                TEXT        NOT NULL,
    currency              TEXT        NOT NULL,
    amount_minor          INT8        NOT NULL,
    fee_minor             INT8        NOT NULL,
    fee_returned_minor    INT8        NOT NULL,
    due_at                TIMESTAMPTZ NOT NULL,
    due_soon_told         BOOL        NOT NULL,
    evidence_count        INT8        NOT NULL,
    evidence_bytes        INT8        NOT NULL,
    evidence_characters   INT8        NOT NULL,
    evidence_submitted_at TIMESTAMPTZ,
    operation_id          UUID,
    opening_transfer_id   UUID        NOT NULL,
    closing_transfer_id   UUID,
    exchanged             TEXT,
    version               INT8        NOT NULL,
    correlation_id        TEXT        NOT NULL,
    created_at            TIMESTAMPTZ NOT NULL,
    updated_at            TIMESTAMPTZ NOT NULL,
    CONSTRAINT disputes_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT disputes_reference_unique UNIQUE (
        region, merchant_id, processor, processor_reference
    ),
    CONSTRAINT disputes_status_known CHECK (status IN (
        'needs_response', 'under_review', 'won', 'lost'
    )),
    CONSTRAINT disputes_amounts_range CHECK (
        amount_minor > 0 AND fee_minor >= 0 AND fee_returned_minor BETWEEN 0 AND fee_minor
    ),
    CONSTRAINT disputes_closed_by_transfer CHECK (
        (closing_transfer_id IS NOT NULL) = (status IN ('won', 'lost'))
    ),
    CONSTRAINT disputes_evidence_within_limits CHECK (
        evidence_count BETWEEN 0 AND 20
        AND evidence_bytes BETWEEN 0 AND 20971520
        AND evidence_characters BETWEEN 0 AND 10000
    )
);

CREATE INDEX disputes_by_payment ON disputes (region, merchant_id, payment_id, id);

CREATE INDEX disputes_by_status ON disputes (region, merchant_id, status, id);

-- One piece of what a merchant says to a dispute: a text or a file. Written once, before the
-- dispute is answered, never changed. REGIONAL BY ROW.
CREATE TABLE dispute_evidence (
    region         TEXT        NOT NULL,
    merchant_id    UUID        NOT NULL,
    id             UUID        NOT NULL,
    dispute_id     UUID        NOT NULL,
    media_type     TEXT        NOT NULL,
    file_name      TEXT,
    size_bytes     INT8        NOT NULL,
    sha256         TEXT        NOT NULL,
    content        BYTEA       NOT NULL,
    correlation_id TEXT        NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT dispute_evidence_pkey PRIMARY KEY (region, merchant_id, id),
    CONSTRAINT dispute_evidence_media_type_known CHECK (media_type IN (
        'text/plain', 'application/pdf', 'image/png', 'image/jpeg'
    )),
    CONSTRAINT dispute_evidence_size_range CHECK (
        size_bytes BETWEEN 1 AND 1048576 AND size_bytes = octet_length(content)
    )
);

CREATE INDEX dispute_evidence_by_dispute ON dispute_evidence (
    region, merchant_id, dispute_id, id
);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
