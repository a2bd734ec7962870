-- Statements of the package `disputes` that only look.

-- name: find_dispute
-- One dispute of a merchant.
-- path: disputes_pkey
SELECT *
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_disputes
-- A page of disputes between two positions, newest first.
-- path: disputes_pkey, backwards
-- both ways
SELECT *
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_disputes_of_payment
-- A page of a payment's disputes, newest first.
-- path: disputes_by_payment, backwards
-- both ways
SELECT *
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND payment_id = :payment_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_disputes_by_status
-- A page of the disputes in one state, newest first.
-- path: disputes_by_status, backwards
-- both ways
SELECT *
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = :status
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: read_evidence
-- All evidence of a dispute, which is bounded, with its content.
-- path: dispute_evidence_by_dispute
SELECT *, content
  FROM dispute_evidence
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND dispute_id = :dispute_id
 ORDER BY id;

-- name: list_evidence
-- A page of a dispute's evidence without its content, newest first.
-- path: dispute_evidence_by_dispute, backwards
-- both ways
SELECT *
  FROM dispute_evidence
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND dispute_id = :dispute_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);
