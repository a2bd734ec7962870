-- Statements of `verify` about disputes. Paged ones begin each row with its position.

-- name: list_payment_disputes
-- The next disputes, in the order of their payments.
-- path: disputes_by_payment, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.payment_id AS TEXT), CAST(t.id AS TEXT), t.status,
       t.currency, t.amount_minor, t.fee_minor, t.fee_returned_minor,
       CAST(t.opening_transfer_id AS TEXT), CAST(t.closing_transfer_id AS TEXT), t.exchanged,
       t.inquiry
  FROM disputes AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.payment_id, t.id)
       > (CAST(:after_merchant_id AS UUID), CAST(:after_payment_id AS UUID),
          CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.payment_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_disputed
-- The next disputes with their evidence and what is held for each.
-- path: disputes_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.evidence_count, t.evidence_bytes,
       t.currency,
       CASE WHEN t.status IN ('won', 'lost') THEN 0 ELSE t.amount_minor END
  FROM disputes AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_held
-- The next accounts on which disputed money is held.
-- path: accounts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.currency,
       t.posted_credits_minor - t.posted_debits_minor
  FROM accounts AS t
 WHERE t.region = :region
   AND t.kind = 'disputes_held'
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_dispute_states
-- The next disputes with all their fields, after their position.
-- path: disputes_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM disputes AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_evidence
-- The next pieces of evidence, in the order of their disputes.
-- path: dispute_evidence_by_dispute, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.dispute_id AS TEXT), CAST(t.id AS TEXT), t.size_bytes
  FROM dispute_evidence AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.dispute_id, t.id)
       > (CAST(:after_merchant_id AS UUID), CAST(:after_dispute_id AS UUID),
          CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.dispute_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: find_missing_disputes
-- The ids, out of some disputes, that do not exist.
-- path: disputes_pkey, one look-up per dispute
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN disputes AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;

-- name: find_missing_evidence
-- The ids, out of some pieces of evidence, that do not exist.
-- path: dispute_evidence_pkey, one look-up per piece
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN dispute_evidence AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;
