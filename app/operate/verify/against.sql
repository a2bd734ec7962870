-- Statements of `verify` that compare with what a processor has; they read the latest state.

-- name: find_our_payments
-- Some payments, and what is still held for each.
-- path: payments_pkey, holds_pkey, one look-up per payment
SELECT CAST(p.id AS TEXT), p.status, p.currency, p.amount_minor, p.amount_captured_minor,
       p.amount_refunded_minor, CAST(p.operation_id AS TEXT), p.rail, p.updated_at,
       CASE WHEN h.status = 'open' THEN h.amount_minor - h.posted_minor ELSE 0 END
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN payments AS p
    ON p.region = :region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id
  LEFT JOIN holds AS h
    ON h.region = p.region
   AND h.merchant_id = p.merchant_id
   AND h.id = p.hold_id;

-- name: find_our_captures
-- Some transfers, with the account that their payment takes money from.
-- path: transfers_pkey, payments_pkey, one look-up per transfer
SELECT CAST(t.id AS TEXT), CAST(t.payment_id AS TEXT), CAST(p.account_id AS TEXT), t.entries
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN transfers AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id
  JOIN payments AS p
    ON p.region = t.region
   AND p.merchant_id = t.merchant_id
   AND p.id = t.payment_id;

-- name: find_our_refunds
-- Some refunds.
-- path: refunds_pkey, one look-up per refund
SELECT CAST(t.id AS TEXT), CAST(t.payment_id AS TEXT), t.status, t.currency, t.amount_minor
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN refunds AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id;

-- name: find_our_payouts
-- Some payouts.
-- path: payouts_pkey, one look-up per payout
SELECT CAST(t.id AS TEXT), t.status, t.currency, t.amount_minor, t.failure_code, t.updated_at
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN payouts AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id;

-- name: find_our_disputes
-- Some disputes of one processor, by its own references.
-- path: disputes_reference_unique, one look-up per dispute
SELECT CAST(t.merchant_id AS TEXT), t.processor_reference, CAST(t.payment_id AS TEXT), t.status,
       t.currency, t.amount_minor, t.fee_minor, t.created_at, t.due_at
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:processor_references AS TEXT[]))
       AS d (merchant_id, processor_reference)
  JOIN disputes AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.processor = :processor
   AND t.processor_reference = d.processor_reference;

-- name: find_running_flows
-- The ids, out of some flows, of those that are running.
-- path: sagas_pkey, one look-up per flow
SELECT CAST(t.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN sagas AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id
   AND t.status = 'running';

-- name: list_taken_payments
-- The next payments that some processor must know, unless they are busy or changed just now.
-- path: payments_pkey, from a position
SELECT CAST(p.merchant_id AS TEXT), CAST(p.id AS TEXT), p.method, p.rail
  FROM payments AS p
 WHERE p.region = :region
   AND p.rail IS NOT NULL
   AND p.operation_id IS NULL
   AND p.status IN ('authorized', 'partially_captured', 'captured')
   AND p.updated_at < :before
   AND (p.merchant_id, p.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY p.merchant_id, p.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_paid_payouts
-- The next payouts that a bank must know, unless they changed just now.
-- path: payouts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT)
  FROM payouts AS t
 WHERE t.region = :region
   AND t.status = 'paid'
   AND t.updated_at < :before
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_told_disputes
-- The next disputes that were reported to Suya, unless that was just now.
-- path: disputes_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.processor, t.processor_reference
  FROM disputes AS t
 WHERE t.region = :region
   AND t.created_at < :before
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);
