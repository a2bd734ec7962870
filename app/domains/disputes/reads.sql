-- Statements of the package `disputes` that only look.

-- name: find_dispute
-- One dispute of a merchant.
-- path: disputes_pkey
SELECT merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
       amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told, evidence_count,
       evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
       opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
       exchanged, inquiry
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_newest
-- A page of disputes between two positions, newest first.
-- path: disputes_pkey, backwards
SELECT merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
       amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told, evidence_count,
       evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
       opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
       exchanged, inquiry
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_oldest
-- A page of disputes between two positions, oldest first.
-- path: disputes_pkey
SELECT merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
       amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told, evidence_count,
       evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
       opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
       exchanged, inquiry
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_newest_of_payment
-- A page of a payment's disputes, newest first.
-- path: disputes_by_payment, backwards
SELECT merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
       amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told, evidence_count,
       evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
       opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
       exchanged, inquiry
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND payment_id = :payment_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_oldest_of_payment
-- A page of a payment's disputes, oldest first.
-- path: disputes_by_payment
SELECT merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
       amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told, evidence_count,
       evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
       opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
       exchanged, inquiry
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND payment_id = :payment_id
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_newest_by_status
-- A page of the disputes in one state, newest first.
-- path: disputes_by_status, backwards
SELECT merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
       amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told, evidence_count,
       evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
       opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
       exchanged, inquiry
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = :status
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_oldest_by_status
-- A page of the disputes in one state, oldest first.
-- path: disputes_by_status
SELECT merchant_id, id, payment_id, processor, processor_reference, status, reason, currency,
       amount_minor, fee_minor, fee_returned_minor, due_at, due_soon_told, evidence_count,
       evidence_bytes, evidence_characters, evidence_submitted_at, operation_id,
       opening_transfer_id, closing_transfer_id, version, correlation_id, created_at, updated_at,
       exchanged, inquiry
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = :status
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_evidence
-- All evidence of a dispute, which is bounded, with its content.
-- path: dispute_evidence_by_dispute
SELECT merchant_id, id, dispute_id, media_type, file_name, size_bytes, sha256, correlation_id,
       created_at, content
  FROM dispute_evidence
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND dispute_id = :dispute_id
 ORDER BY id;

-- name: list_evidence_newest
-- A page of a dispute's evidence without its content, newest first.
-- path: dispute_evidence_by_dispute, backwards
SELECT merchant_id, id, dispute_id, media_type, file_name, size_bytes, sha256, correlation_id,
       created_at
  FROM dispute_evidence
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND dispute_id = :dispute_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_evidence_oldest
-- A page of a dispute's evidence without its content, oldest first.
-- path: dispute_evidence_by_dispute
SELECT merchant_id, id, dispute_id, media_type, file_name, size_bytes, sha256, correlation_id,
       created_at
  FROM dispute_evidence
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND dispute_id = :dispute_id
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);
