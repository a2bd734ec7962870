-- Statements of the package `merchants`.

-- name: insert_merchant
-- Record a merchant; recorded already by an earlier attempt, it is left alone.
-- path: merchants_pkey
INSERT INTO merchants
       (id, name, home_region, mode, fee_bps, fee_fixed_minor, created_at, negative_limit_minor)
VALUES (CAST(:id AS UUID), :name, :home_region, :mode, CAST(:fee_bps AS INT8),
        CAST(:fee_fixed_minor AS INT8), CAST(:created_at AS TIMESTAMPTZ),
        CAST(:negative_limit_minor AS INT8))
    ON CONFLICT (id) DO NOTHING;

-- name: find_merchant
-- One merchant.
-- path: merchants_pkey
SELECT *
  FROM merchants
 WHERE id = :id;

-- name: list_merchants
-- Merchants after a position, in the order of their making.
-- path: merchants_pkey
SELECT *
  FROM merchants
 WHERE id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: change_negative_limit
-- Say how far below zero refunds may take what is available to a merchant.
-- path: merchants_pkey
UPDATE merchants
   SET negative_limit_minor = CAST(:negative_limit_minor AS INT8)
 WHERE id = :id;

-- name: raise_key_generation
-- Say of which generation a merchant's publishable key is, if it is a later one.
-- path: merchants_pkey
UPDATE merchants
   SET key_generation = GREATEST(key_generation, CAST(:generation AS INT8))
 WHERE id = :id;

-- name: insert_key
-- Record a key; recorded already by an earlier attempt, it is left alone.
-- path: api_keys_pkey, api_keys_secret_unique, api_keys_by_merchant
INSERT INTO api_keys (id, secret_hash, prefix, merchant_id, name, scopes, created_at, revoked_at)
VALUES (CAST(:id AS UUID), :secret_hash, :prefix, CAST(:merchant_id AS UUID), :name,
        CAST(:scopes AS TEXT[]), CAST(:created_at AS TIMESTAMPTZ), NULL)
    ON CONFLICT (id) DO NOTHING;

-- name: find_caller
-- The merchant behind a secret, if its key was not revoked.
-- path: api_keys_secret_unique, merchants_pkey
SELECT k.id, k.scopes, m.*
  FROM api_keys AS k
  JOIN merchants AS m
    ON m.id = k.merchant_id
 WHERE k.secret_hash = :secret_hash
   AND k.revoked_at IS NULL;

-- name: list_keys
-- The keys of a merchant, oldest first.
-- path: api_keys_by_merchant
SELECT *
  FROM api_keys
 WHERE merchant_id = :merchant_id
 ORDER BY id
 LIMIT 1000;

-- name: find_key
-- One key.
-- path: api_keys_pkey
SELECT *
  FROM api_keys
 WHERE id = :id;

-- name: revoke_key
-- Revoke a key that was not revoked before.
-- path: api_keys_pkey
UPDATE api_keys
   SET revoked_at = CAST(:now AS TIMESTAMPTZ)
 WHERE id = :id
   AND revoked_at IS NULL;

-- name: list_home_regions
-- The regions in which merchants are at home, or from which they move.
-- full scan: merchants are few, and only the worker and operators ask
SELECT home_region
  FROM merchants
 UNION
SELECT former_region
  FROM merchants
 WHERE former_region IS NOT NULL
 ORDER BY home_region;

-- name: find_home
-- Where a merchant's rows may be, and how often that has changed.
-- path: merchants_pkey
SELECT home_region, former_region, region_version
  FROM merchants
 WHERE id = :id;

-- name: list_homes
-- The same of some merchants, none left out.
-- path: merchants_pkey, from the batch
SELECT m.id, m.home_region, m.former_region
  FROM unnest(:merchants) AS d (id)
  JOIN merchants AS m
    ON m.id = d.id;

-- name: update_home
-- Say where a merchant's rows may be from now on, if no other transaction has said so meanwhile.
-- path: merchants_pkey
UPDATE merchants
   SET home_region = :home_region,
       former_region = :former_region,
       region_version = region_version + 1
 WHERE id = :id
   AND region_version = CAST(:region_version AS INT8);

-- name: insert_plan
-- Bring a fee plan into force, unless one for the same is.
-- path: fee_plans_pkey, fee_plans_by_merchant, fee_plans_in_force
INSERT INTO fee_plans
       (id, merchant_id, rail, currency, bps, fixed_minor, min_minor, max_minor, refunded,
        created_at, ended_at)
VALUES (CAST(:id AS UUID), CAST(:merchant_id AS UUID), :rail, :currency, CAST(:bps AS INT8),
        CAST(:fixed_minor AS INT8), CAST(:min_minor AS INT8), CAST(:max_minor AS INT8),
        CAST(:refunded AS BOOL), CAST(:created_at AS TIMESTAMPTZ), NULL)
    ON CONFLICT DO NOTHING;

-- name: lock_plan
-- One fee plan, locked, so that it does not end meanwhile.
-- path: fee_plans_pkey
SELECT *
  FROM fee_plans
 WHERE id = :id
   FOR UPDATE;

-- name: end_plan
-- End a fee plan that is in force.
-- path: fee_plans_pkey
UPDATE fee_plans
   SET ended_at = CAST(:now AS TIMESTAMPTZ)
 WHERE id = :id
   AND ended_at IS NULL;

-- name: list_plans
-- A merchant's fee plans after a position, ended ones too, in the order of their making.
-- path: fee_plans_by_merchant
SELECT *
  FROM fee_plans
 WHERE merchant_id = :merchant_id
   AND id > CAST(:after AS UUID)
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_plans_in_force
-- A merchant's fee plans that are in force: one for each rail and currency at most.
-- path: fee_plans_in_force
SELECT *
  FROM fee_plans
 WHERE merchant_id = :merchant_id
   AND ended_at IS NULL
 ORDER BY rail, currency
 LIMIT 1000;

-- name: list_database_regions
-- The regions of a multi-region database: on CockroachDB they are the values of an enumeration.
-- full scan: of a catalog, which has one row per region; PostgreSQL has no such type
SELECT e.enumlabel
  FROM pg_catalog.pg_enum AS e
  JOIN pg_catalog.pg_type AS t
    ON t.oid = e.enumtypid
 WHERE t.typname = 'crdb_internal_region'
 ORDER BY e.enumlabel;

-- name: list_modes
-- Test or live, of some merchants.
-- path: merchants_pkey, one look-up per merchant
SELECT m.id, m.mode
  FROM unnest(CAST(:ids AS UUID[])) AS d (id)
  JOIN merchants AS m
    ON m.id = d.id;
