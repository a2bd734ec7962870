-- Statements of the package `idempotency`.

-- name: find_known
-- The requests and answers stored under some keys. One that is provisional does not expire: its
-- flow would answer the request that has the key by then.
-- path: idempotency_keys_pkey (region, merchant_id, id), one look-up per key
SELECT k.merchant_id, k.id, k.request, k.status, k.body, k.expires_at
  FROM unnest(CAST(:region AS TEXT[]), CAST(:merchant_id AS UUID[]),
              CAST(:id AS UUID[])) AS d (region, merchant_id, id)
  JOIN idempotency_keys AS k
    ON k.region = d.region
   AND k.merchant_id = d.merchant_id
   AND k.id = d.id
   AND (k.expires_at > :now OR k.status = 202);

-- name: delete_expired_among
-- Make room under keys whose time has passed but whose rows the sweeper has not reached yet.
-- path: idempotency_keys_pkey (region, merchant_id, id), one look-up per key
DELETE FROM idempotency_keys
 WHERE (region, merchant_id, id) IN (
       SELECT k.region, k.merchant_id, k.id
         FROM unnest(CAST(:region AS TEXT[]), CAST(:merchant_id AS UUID[]),
                     CAST(:id AS UUID[])) AS d (region, merchant_id, id)
         JOIN idempotency_keys AS k
           ON k.region = d.region
          AND k.merchant_id = d.merchant_id
          AND k.id = d.id
          AND k.expires_at <= :now
          AND k.status <> 202);

-- name: insert_keys
-- Store answers under their keys; a key that is already there is left alone and not counted.
-- path: idempotency_keys_pkey
INSERT INTO idempotency_keys
       (region, merchant_id, id, key, request, status, body, correlation_id, expires_at)
SELECT :region, d.merchant_id, d.id, d.key, d.request, d.status, d.body, d.correlation_id,
       CAST(:expires_at AS TIMESTAMPTZ)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[]), CAST(:keys AS TEXT[]),
              CAST(:requests AS TEXT[]), CAST(:statuses AS INT8[]), CAST(:bodies AS TEXT[]),
              CAST(:correlation_ids AS TEXT[]))
       AS d (merchant_id, id, key, request, status, body, correlation_id)
    ON CONFLICT (region, merchant_id, id) DO NOTHING;

-- name: update_answers
-- Replace provisional answers by those of the flows that have ended.
-- path: idempotency_keys_pkey (region, merchant_id, id), one look-up per key
UPDATE idempotency_keys AS k
   SET status = d.status,
       body = d.body,
       expires_at = CAST(:expires_at AS TIMESTAMPTZ)
  FROM unnest(CAST(:region AS TEXT[]), CAST(:merchant_id AS UUID[]), CAST(:id AS UUID[]),
              CAST(:status AS INT8[]), CAST(:body AS TEXT[]))
       AS d (region, merchant_id, id, status, body)
 WHERE k.region = d.region
   AND k.merchant_id = d.merchant_id
   AND k.id = d.id;

-- name: release_keys
-- Forget keys whose requests surely had no effect.
-- path: idempotency_keys_pkey (region, merchant_id, id), one look-up per key
DELETE FROM idempotency_keys
 WHERE (region, merchant_id, id) IN (
       SELECT d.region, d.merchant_id, d.id
         FROM unnest(CAST(:region AS TEXT[]), CAST(:merchant_id AS UUID[]),
                     CAST(:id AS UUID[])) AS d (region, merchant_id, id));

-- name: find_answer
-- What is kept under one key. One that is provisional does not expire, as in `find_known`.
-- path: idempotency_keys_pkey
SELECT request, status, body, expires_at
  FROM idempotency_keys
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id
   AND (expires_at > clock_timestamp() OR status = 202);

-- name: list_page
-- The next page of keys in key order, whatever their age, for the sweeper's walk.
-- path: idempotency_keys_pkey, from a position
SELECT merchant_id, id, expires_at <= clock_timestamp()
  FROM idempotency_keys
 WHERE region = :region
   AND (merchant_id, id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY merchant_id, id
 LIMIT CAST(:page_size AS INT8);

-- name: pull_keys
-- Bring some keys home from their merchants' former regions.
-- path: idempotency_keys_pkey (region, merchant_id, id), one look-up per key
UPDATE idempotency_keys AS k
   SET region = :region
  FROM unnest(CAST(:former_region AS TEXT[]), CAST(:merchant_id AS UUID[]),
              CAST(:id AS UUID[])) AS d (former_region, merchant_id, id)
 WHERE k.region = d.former_region
   AND k.merchant_id = d.merchant_id
   AND k.id = d.id
RETURNING k.merchant_id, k.id;

-- name: delete_expired_operator_key
-- Make room under an operator's key whose time has passed.
-- path: operator_keys_pkey
DELETE FROM operator_keys
 WHERE id = :id
   AND expires_at <= :now;

-- name: find_operator_key
-- The request and the answer under an operator's key.
-- path: operator_keys_pkey
SELECT request, status, body, expires_at
  FROM operator_keys
 WHERE id = :id;

-- name: insert_operator_key
-- Store an answer under an operator's key; one that is already there is left alone.
-- path: operator_keys_pkey
INSERT INTO operator_keys (id, key, request, status, body, correlation_id, expires_at)
VALUES (CAST(:id AS UUID), :key, :request, CAST(:status AS INT8), :body, :correlation_id,
        CAST(:expires_at AS TIMESTAMPTZ))
    ON CONFLICT (id) DO NOTHING;

-- name: delete_expired_operator_keys
-- Delete the keys of operators whose time has passed.
-- full scan: operators ask seldom, so there are few
DELETE FROM operator_keys
 WHERE expires_at <= :now;
