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
