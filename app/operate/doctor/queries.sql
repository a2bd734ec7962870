-- Statements of the package `doctor`, for both databases.

-- name: find_version
-- The server's version.
-- path: none, no table is read
SELECT version(), current_setting('server_version');

-- name: find_clock
-- The database's time.
-- path: none, no table is read
SELECT clock_timestamp();

-- name: find_isolation
-- The isolation of this connection's transactions.
-- path: none, no table is read
SELECT current_setting('transaction_isolation');

-- name: count_connections
-- PostgreSQL: the connections there may be, those kept for superusers, and those in use.
-- full scan: of the list of sessions, seldom
SELECT CAST(current_setting('max_connections') AS INT8),
       CAST(current_setting('superuser_reserved_connections') AS INT8),
       count(*)
  FROM pg_catalog.pg_stat_activity
 WHERE backend_type = 'client backend';

-- name: find_autovacuum
-- PostgreSQL: whether statistics are kept up to date.
-- path: none, no table is read
SELECT current_setting('autovacuum');

-- name: find_work
-- How many merchants there are to work for, and when the last lease of a worker ends.
-- full scan: merchants and leases are few, and only an operator asks
SELECT (SELECT count(*) FROM merchants), (SELECT max(expires_at) FROM leases);
