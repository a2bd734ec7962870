-- Checks of CockroachDB. From 26.1 the schemas crdb_internal and system are closed to ordinary
-- sessions; the caller tries to open them, and leaves the checks out where it may not.

-- name: list_nodes
-- The members of the cluster.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT l.node_id, l.membership, l.draining,
       CAST(split_part(l.expiration, '.', 1) AS INT8) > CAST(:now_s AS INT8),
       COALESCE(n.locality, '')
  FROM crdb_internal.gossip_liveness AS l
  LEFT JOIN crdb_internal.gossip_nodes AS n
    ON n.node_id = l.node_id
 ORDER BY l.node_id;

-- name: sum_ranges
-- Ranges with too few copies, and without a majority of them.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT COALESCE(sum(CAST(metrics->>'ranges.underreplicated' AS FLOAT8)), 0),
       COALESCE(sum(CAST(metrics->>'ranges.unavailable' AS FLOAT8)), 0)
  FROM crdb_internal.kv_store_status;

-- name: list_settings
-- The cluster's settings that Suya depends on.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT variable, value
  FROM crdb_internal.cluster_settings
 WHERE variable IN (
       'enterprise.license', 'sql.stats.automatic_collection.enabled',
       'server.max_connections_per_gateway');

-- name: find_licence
-- The licence key.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT "enterprise.license"
  FROM [SHOW CLUSTER SETTING enterprise.license];

-- name: find_licence_end
-- Seconds until the key's end; 0 without one.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT CAST(value AS INT8)
  FROM crdb_internal.node_metrics
 WHERE name = 'seconds_until_enterprise_license_expiry';

-- name: find_made_at
-- When the cluster was made, as far as the server knows.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT LEAST((SELECT min(completed_at) FROM system.migrations),
             (SELECT CAST(min("timestamp") AS TIMESTAMPTZ) FROM system.eventlog));

-- name: count_sessions
-- The sessions of the node of this connection.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT count(*)
  FROM crdb_internal.node_sessions;
