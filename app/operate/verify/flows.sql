-- Statements of `verify` about flows that have not ended, and about what waits for them.

-- name: count_open_flows
-- How many rows will be read.
-- full scan: the partial indexes sagas_due and sagas_parked have no others
SELECT count(*) FROM sagas WHERE region = :region AND status IN ('running', 'parked');

-- name: count_parked
-- How many flows wait for people.
-- full scan: there should be none; the partial index sagas_parked has no others
SELECT count(*) FROM sagas WHERE region = :region AND status = 'parked';

-- name: list_open_flows
-- The next flows that have not ended.
-- path: sagas_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.name, CAST(t.object_id AS TEXT),
       t.status, t.data, t.note
  FROM sagas AS t
 WHERE t.region = :region
   AND t.status IN ('running', 'parked')
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: find_open_flows
-- The flows about some objects that have not ended.
-- path: sagas_by_object, one look-up per object
SELECT CAST(t.object_id AS TEXT), CAST(t.id AS TEXT), t.name, CAST(t.key_id AS TEXT), t.data
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN sagas AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.object_id = d.id
   AND t.status IN ('running', 'parked');

-- name: find_operations
-- The flows that some payments name.
-- path: payments_pkey, one look-up per payment
SELECT CAST(p.id AS TEXT), CAST(p.operation_id AS TEXT), p.rail
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN payments AS p
    ON p.region = :region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id;

-- name: find_ended_payouts
-- The payouts, out of some objects, that have ended without being paid.
-- path: payouts_pkey, one look-up per object
SELECT CAST(t.id AS TEXT), t.status
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN payouts AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id
   AND t.status IN ('failed', 'canceled')
   AND t.paid_transfer_id IS NULL;

-- name: find_disputes
-- The disputes, out of some objects, that exist.
-- path: disputes_pkey, one look-up per object
SELECT CAST(t.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN disputes AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id;

-- name: list_busy_payments
-- The next payments that wait for a processor, by their status, their flow or their hold.
-- path: payments_pkey, from a position; holds_pkey, one look-up per payment with a hold
SELECT CAST(p.merchant_id AS TEXT), CAST(p.id AS TEXT), p.status, CAST(p.operation_id AS TEXT),
       h.status, h.expires_at
  FROM payments AS p
  LEFT JOIN holds AS h
    ON h.region = :region
   AND h.merchant_id = p.merchant_id
   AND h.id = p.hold_id
 WHERE p.region = :region
   AND (p.merchant_id, p.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
   AND (p.operation_id IS NOT NULL
        OR p.status IN ('processing', 'requires_action')
        OR (h.status = 'open' AND h.expires_at > CAST('9999-01-01 00:00:00+00' AS TIMESTAMPTZ)))
 ORDER BY p.merchant_id, p.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_pending_refunds
-- The next refunds that processors still have to make.
-- path: refunds_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), CAST(t.payment_id AS TEXT)
  FROM refunds AS t
 WHERE t.region = :region
   AND t.status = 'pending'
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_payouts_at_banks
-- The next payouts that banks have or will have.
-- path: payouts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.status
  FROM payouts AS t
 WHERE t.region = :region
   AND t.status IN ('pending', 'in_transit')
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_open_disputes
-- The next disputes that are not decided, or are being answered.
-- path: disputes_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.status, CAST(t.operation_id AS TEXT)
  FROM disputes AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
   AND (t.operation_id IS NOT NULL OR t.status NOT IN ('won', 'lost'))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_provisional
-- The next kept answers that are not final.
-- path: idempotency_keys_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.key, t.body
  FROM idempotency_keys AS t
 WHERE t.region = :region
   AND t.status = 202
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);
