-- Statements of the package `saga`.

-- name: insert_flows
-- Begin flows; one that has begun already is left alone.
-- path: sagas_pkey, sagas_due, sagas_by_object, sagas_by_correlation
INSERT INTO sagas
       (region, merchant_id, id, name, object_id, recovery_point, status, attempts, data, note,
        key_id, correlation_id, created_at, updated_at, next_attempt_at, lease_until, bucket)
SELECT :region, d.merchant_id, d.id, d.name, d.object_id, d.recovery_point, 'running', 0, d.data,
       NULL, d.key_id, d.correlation_id, d.created_at, d.created_at, d.next_attempt_at,
       d.lease_until, d.bucket
  FROM unnest(:sagas)
       AS d (merchant_id, id, name, object_id, recovery_point, data, key_id, correlation_id,
             created_at, next_attempt_at, lease_until, bucket)
    ON CONFLICT (region, merchant_id, id) DO NOTHING;

-- name: lock_flows
-- Lock a batch's flows in id order.
-- path: sagas_pkey (region, merchant_id, id), one look-up per flow
SELECT s.*
  FROM unnest(:sagas) AS d (region, merchant_id, id)
  JOIN sagas AS s
    ON s.region = d.region
   AND s.merchant_id = d.merchant_id
   AND s.id = d.id
 ORDER BY s.merchant_id, s.id
   FOR UPDATE OF s;

-- name: update_flows
-- Write how far flows have come.
-- path: sagas_pkey, one look-up per flow
UPDATE sagas AS s
   SET recovery_point = d.recovery_point,
       status = d.status,
       attempts = d.attempts,
       data = d.data,
       note = d.note,
       updated_at = d.updated_at,
       next_attempt_at = d.next_attempt_at,
       lease_until = d.lease_until
  FROM unnest(:sagas)
       AS d (region, merchant_id, id, recovery_point, status, attempts, data, note, updated_at,
             next_attempt_at, lease_until)
 WHERE s.region = d.region
   AND s.merchant_id = d.merchant_id
   AND s.id = d.id;

-- name: pull_flows
-- Bring some flows home from their merchants' former regions.
-- path: sagas_pkey (region, merchant_id, id), one look-up per flow
UPDATE sagas AS s
   SET region = :region
  FROM unnest(:sagas) AS d (former_region, merchant_id, id)
 WHERE s.region = d.former_region
   AND s.merchant_id = d.merchant_id
   AND s.id = d.id
RETURNING s.merchant_id, s.id;

-- name: list_due
-- Flows whose time has come: postponed, woken, or left by a process that died.
-- path: sagas_due
SELECT *
  FROM sagas
 WHERE region = :region
   AND bucket = CAST(:bucket AS INT8)
   AND status = 'running'
   AND next_attempt_at <= :now
 ORDER BY next_attempt_at
 LIMIT CAST(:page_size AS INT8);

-- name: find_flow
-- One flow of a merchant.
-- path: sagas_pkey
SELECT *
  FROM sagas
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_parked
-- Flows that were given up, of all merchants, for people.
-- full scan: there should be none; the partial index sagas_parked has no others
SELECT *
  FROM sagas
 WHERE status = 'parked'
   AND created_at <= :before
 ORDER BY region, merchant_id, id
 LIMIT CAST(:page_size AS INT8);

-- name: count_parked
-- How many flows were given up, of all merchants.
-- full scan: there should be none; the partial index sagas_parked has no others
SELECT count(*)
  FROM sagas
 WHERE status = 'parked';

-- name: list_running
-- Flows that have not ended, of all merchants, for people.
-- full scan: the partial index sagas_due has no others, and those are few
SELECT *
  FROM sagas
 WHERE status = 'running'
   AND created_at <= :before
 ORDER BY region, bucket, next_attempt_at
 LIMIT CAST(:page_size AS INT8);

-- name: find_anywhere
-- One flow by its id, wherever its merchant's rows are.
-- full scan: merchants are few; then sagas_pkey, one look-up per merchant
SELECT s.*
  FROM (SELECT id, home_region AS region
          FROM merchants
         UNION ALL
        SELECT id, former_region
          FROM merchants
         WHERE former_region IS NOT NULL) AS m
  JOIN sagas AS s
    ON s.region = m.region
   AND s.merchant_id = m.id
 WHERE s.id = :id
 ORDER BY s.merchant_id
 LIMIT 1;
