-- Statements of the package `trace`.

-- name: list_events
-- What one request caused, wherever its merchant's rows are.
-- full scan: merchants are few; then events_by_correlation, one look-up per merchant
SELECT e.created_at, e.type, e.object_id, e.sequence, e.data, e.region, e.merchant_id,
       e.correlation_id
  FROM (SELECT id, home_region AS region
          FROM merchants
         UNION ALL
        SELECT id, former_region
          FROM merchants
         WHERE former_region IS NOT NULL) AS m
  JOIN events AS e
    ON e.region = m.region
   AND e.merchant_id = m.id
 WHERE e.correlation_id = :correlation_id
 ORDER BY e.id
 LIMIT 10000;

-- name: list_events_of_payment
-- The events of one payment, wherever its merchant's rows are.
-- full scan: merchants are few; then events_object_sequence_unique, one look-up per merchant
SELECT e.created_at, e.type, e.object_id, e.sequence, e.data, e.region, e.merchant_id,
       e.correlation_id
  FROM (SELECT id, home_region AS region
          FROM merchants
         UNION ALL
        SELECT id, former_region
          FROM merchants
         WHERE former_region IS NOT NULL) AS m
  JOIN events AS e
    ON e.region = m.region
   AND e.merchant_id = m.id
 WHERE e.object_id = :id
 ORDER BY e.sequence
 LIMIT 10000;

-- name: list_transfers_of_payment
-- All transfers of one payment, wherever its merchant's rows are.
-- full scan: merchants are few; then transfers_by_payment, one look-up per merchant
SELECT t.booked_at, t.id, t.kind, t.purpose, t.entries, t.block_writer, t.block_sequence
  FROM (SELECT id, home_region AS region
          FROM merchants
         UNION ALL
        SELECT id, former_region
          FROM merchants
         WHERE former_region IS NOT NULL) AS m
  JOIN transfers AS t
    ON t.region = m.region
   AND t.merchant_id = m.id
 WHERE t.payment_id = :id
 ORDER BY t.id
 LIMIT 10000;

-- name: list_transfers
-- The transfers one request made for one payment.
-- path: transfers_by_payment
SELECT booked_at, id, kind, purpose, entries, block_writer, block_sequence
  FROM transfers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND payment_id = :payment_id
   AND correlation_id = :correlation_id
 ORDER BY id
 LIMIT 10000;

-- name: find_transfer
-- One transfer.
-- path: transfers_pkey
SELECT booked_at, id, kind, purpose, entries, block_writer, block_sequence
  FROM transfers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_transfers_of_payout
-- The transfers that a payout names.
-- path: payouts_pkey; transfers_pkey, three look-ups
SELECT t.booked_at, t.id, t.kind, t.purpose, t.entries, t.block_writer, t.block_sequence
  FROM payouts AS p
  JOIN transfers AS t
    ON t.region = p.region
   AND t.merchant_id = p.merchant_id
   AND t.id IN (p.transfer_id, p.paid_transfer_id, p.returned_transfer_id)
 WHERE p.region = :region
   AND p.merchant_id = :merchant_id
   AND p.id = :payout_id
 ORDER BY t.id
 LIMIT 10;

-- name: list_flows
-- The flows that one request began, wherever its merchant's rows are.
-- full scan: merchants are few; then sagas_by_correlation, one look-up per merchant
SELECT s.created_at, s.updated_at, s.id, s.name, s.recovery_point, s.status, s.attempts, s.note
  FROM (SELECT id, home_region AS region
          FROM merchants
         UNION ALL
        SELECT id, former_region
          FROM merchants
         WHERE former_region IS NOT NULL) AS m
  JOIN sagas AS s
    ON s.region = m.region
   AND s.merchant_id = m.id
 WHERE s.correlation_id = :correlation_id
 ORDER BY s.id
 LIMIT 10000;

-- name: list_flows_of_object
-- The flows about one payment, wherever its merchant's rows are.
-- full scan: merchants are few; then sagas_by_object, one look-up per merchant
SELECT s.created_at, s.updated_at, s.id, s.name, s.recovery_point, s.status, s.attempts, s.note
  FROM (SELECT id, home_region AS region
          FROM merchants
         UNION ALL
        SELECT id, former_region
          FROM merchants
         WHERE former_region IS NOT NULL) AS m
  JOIN sagas AS s
    ON s.region = m.region
   AND s.merchant_id = m.id
 WHERE s.object_id = :id
 ORDER BY s.id
 LIMIT 10000;
