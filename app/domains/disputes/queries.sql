-- Statements of the package `disputes`.

-- name: lock_disputes
-- Lock some disputes in id order.
-- path: disputes_pkey (region, merchant_id, id), one look-up per dispute
SELECT t.*
  FROM unnest(:disputes) AS d (region, merchant_id, id)
  JOIN disputes AS t
    ON t.region = d.region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id
 ORDER BY t.merchant_id, t.id
   FOR UPDATE OF t;

-- name: lock_disputes_of_payments
-- Lock all disputes of some payments, whose rows are locked already, in id order.
-- path: disputes_by_payment, one look-up per payment
SELECT t.*
  FROM unnest(:disputes) AS d (region, merchant_id, id)
  JOIN disputes AS t
    ON t.region = d.region
   AND t.merchant_id = d.merchant_id
   AND t.payment_id = d.id
 ORDER BY t.merchant_id, t.id
   FOR UPDATE OF t;

-- name: find_references
-- Which disputes of some processors are known, and of which payments.
-- path: disputes_reference_unique, one look-up per dispute
SELECT t.merchant_id, t.payment_id
  FROM unnest(:disputes) AS d (region, merchant_id, processor, processor_reference)
  JOIN disputes AS t
    ON t.region = d.region
   AND t.merchant_id = d.merchant_id
   AND t.processor = d.processor
   AND t.processor_reference = d.processor_reference;

-- name: insert_disputes
-- Record new disputes.
-- path: disputes_pkey, disputes_reference_unique, disputes_by_payment, disputes_by_status
INSERT INTO disputes
       (region, merchant_id, id, payment_id, processor, processor_reference, status, reason,
        currency, amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told,
        evidence_count, evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
        opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
        exchanged, inquiry)
SELECT :region, d.merchant_id, d.id, d.payment_id, d.processor, d.processor_reference, d.status,
       d.reason, d.currency, d.amount_minor, d.fee_minor, d.fee_returned_minor, d.due_at,
       d.due_soon_told, 0, 0, 0, NULL, NULL, d.opening_transfer_id, d.closing_transfer_id,
       d.version, d.correlation_id, CAST(:now AS TIMESTAMPTZ), CAST(:now AS TIMESTAMPTZ),
       d.exchanged, d.inquiry
  FROM unnest(:disputes)
       AS d (merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
             amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told,
             opening_transfer_id, closing_transfer_id, version, correlation_id, exchanged, inquiry);

-- name: update_disputes
-- Write how far disputes have come.
-- path: disputes_pkey, one look-up per dispute
UPDATE disputes AS t
   SET status = d.status,
       fee_minor = d.fee_minor,
       fee_returned_minor = d.fee_returned_minor,
       due_at = d.due_at,
       due_soon_told = d.due_soon_told,
       evidence_count = d.evidence_count,
       evidence_bytes = d.evidence_bytes,
       evidence_characters = d.evidence_characters,
       evidence_submitted_at = d.evidence_submitted_at,
       operation_id = d.operation_id,
       closing_transfer_id = d.closing_transfer_id,
       version = d.version,
       updated_at = d.updated_at,
       exchanged = d.exchanged,
       inquiry = d.inquiry
  FROM unnest(:disputes)
       AS d (region, merchant_id, id, status, fee_minor, fee_returned_minor, due_at, due_soon_told,
             evidence_count, evidence_bytes, evidence_characters, evidence_submitted_at,
             operation_id, closing_transfer_id, version, updated_at, exchanged, inquiry)
 WHERE t.region = d.region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id;

-- name: insert_evidence
-- Record pieces of evidence.
-- path: dispute_evidence_pkey, dispute_evidence_by_dispute
INSERT INTO dispute_evidence
       (region, merchant_id, id, dispute_id, media_type, file_name, size_bytes, sha256, content,
        correlation_id, created_at)
SELECT :region, d.merchant_id, d.id, d.dispute_id, d.media_type, d.file_name, d.size_bytes,
       d.sha256, d.content, d.correlation_id, CAST(:now AS TIMESTAMPTZ)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[]), CAST(:dispute_ids AS UUID[]),
              CAST(:media_types AS TEXT[]), CAST(:file_names AS TEXT[]),
              CAST(:sizes_bytes AS INT8[]), CAST(:digests AS TEXT[]),
              CAST(:contents AS BYTEA[]), CAST(:correlation_ids AS TEXT[]))
       AS d (merchant_id, id, dispute_id, media_type, file_name, size_bytes, sha256, content,
             correlation_id);

-- name: pull_disputes
-- Bring some disputes home from their merchants' former regions.
-- path: disputes_pkey (region, merchant_id, id), one look-up per dispute
UPDATE disputes AS t
   SET region = :region
  FROM unnest(:disputes) AS d (former_region, merchant_id, id)
 WHERE t.region = d.former_region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id
RETURNING t.merchant_id, t.id;

-- name: pull_disputes_of_payments
-- Bring all disputes of some payments home from their merchants' former regions.
-- path: disputes_by_payment, one look-up per payment
UPDATE disputes AS t
   SET region = :region
  FROM unnest(:disputes) AS d (former_region, merchant_id, id)
 WHERE t.region = d.former_region
   AND t.merchant_id = d.merchant_id
   AND t.payment_id = d.id
RETURNING t.merchant_id, t.id;
