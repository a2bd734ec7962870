-- CockroachDB's regions. No other database has these statements, so the linter of PostgreSQL's SQL
-- does not read this file. They use SHOW, because from 26.1 the tables of crdb_internal are closed
-- to ordinary sessions, and SHOW is not.

-- name: list_cluster_regions
-- The regions in the localities of nodes.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT region
  FROM [SHOW REGIONS FROM CLUSTER]
 ORDER BY region;

-- name: list_database_regions
-- The regions of this database, and which one is primary.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT region, "primary"
  FROM [SHOW REGIONS FROM DATABASE]
 ORDER BY region;

-- name: find_goal
-- This database's name and what it survives.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT current_database(), survival_goal
  FROM [SHOW SURVIVAL GOAL FROM DATABASE];

-- name: list_tables
-- Every table, view and sequence of this database, with its locality.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT schema_name, table_name, COALESCE(locality, '')
  FROM [SHOW TABLES]
 ORDER BY schema_name, table_name;

-- name: list_columns
-- The columns that show a table's kind, and the computed homes.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT table_name, column_name
  FROM information_schema.columns
 WHERE table_schema = 'public'
   AND (column_name = 'region' OR column_name LIKE 'home_%')
 ORDER BY table_name, column_name;

-- name: list_options
-- The storage parameters of each table.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT c.relname, c.reloptions
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n
    ON n.oid = c.relnamespace
 WHERE n.nspname = 'public'
   AND c.relkind = 'r'
   AND c.reloptions IS NOT NULL
 ORDER BY c.relname;

-- name: list_running_changes
-- Schema changes that are not finished, without the harmless removal of what they replaced.
-- only: cockroachdb
-- full scan: of a catalog, seldom
SELECT description
  FROM [SHOW JOBS]
 WHERE job_type IN ('SCHEMA CHANGE', 'NEW SCHEMA CHANGE', 'TYPEDESC SCHEMA CHANGE')
   AND status IN ('pending', 'running', 'reverting', 'retry-running', 'retry-reverting')
 ORDER BY created;
