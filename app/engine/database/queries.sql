-- Statements of the package `database`.

-- name: take_lease
-- Take or keep a lease that is free, run out, or our own.
-- path: leases_pkey
INSERT INTO leases (region, name, holder, expires_at)
VALUES (:region, :name, CAST(:holder AS UUID), CAST(:expires_at AS TIMESTAMPTZ))
    ON CONFLICT (region, name) DO UPDATE
   SET holder = excluded.holder,
       expires_at = excluded.expires_at
 WHERE leases.holder = excluded.holder
    OR leases.expires_at < CAST(:now AS TIMESTAMPTZ);

-- name: read_clock
-- The database's clock, in microseconds since 1970.
-- path: no table
SELECT CAST(extract(EPOCH FROM clock_timestamp()) * 1000000 AS INT8);

-- name: hold_fence
-- Lock the fence of a transaction: the database's clock, and what is final, in microseconds.
-- path: fences_pkey
SELECT CAST(extract(EPOCH FROM clock_timestamp()) * 1000000 AS INT8),
       CAST(extract(EPOCH FROM closed_at) * 1000000 AS INT8)
  FROM fences
 WHERE region = :region
   AND id = :id
   FOR UPDATE;

-- name: insert_fence
-- Make a fence, behind those that there are.
-- path: fences_pkey (region), a few dozen rows
INSERT INTO fences (region, id, closed_at, made_at)
SELECT :region, CAST(:id AS UUID), greatest(clock_timestamp(), max(closed_at)), clock_timestamp()
  FROM fences
 WHERE region = :region;

-- name: list_fences
-- The fences of a region.
-- path: fences_pkey (region), a few dozen rows
SELECT id
  FROM fences
 WHERE region = :region
 ORDER BY id;

-- name: close_fence
-- Nothing is dated before now any more by whoever holds this fence next.
-- path: fences_pkey
UPDATE fences
   SET closed_at = greatest(closed_at, clock_timestamp())
 WHERE region = :region
   AND id = :id;

-- name: find_horizon
-- What is dated before it is final, in microseconds since 1970.
-- path: fences_pkey (region), a few dozen rows
SELECT CAST(extract(EPOCH FROM min(closed_at)) * 1000000 AS INT8)
  FROM fences
 WHERE region = :region;

-- name: delete_old_fences
-- Forget fences of processes that may be gone: one is made for each transaction that a process may
-- have in flight, and processes come and go.
-- path: fences_pkey (region), a few dozen rows
DELETE FROM fences
 WHERE region = :region
   AND made_at < clock_timestamp() - INTERVAL '1 day';
