-- Statements of the package `chaos`: everything a merchant of a run has, page by page.

-- name: list_accounts
-- A merchant's next accounts with their sums.
-- path: accounts_pkey, from a position
SELECT id, kind, version, posted_debits_minor, posted_credits_minor, pending_debits_minor,
       pending_credits_minor
  FROM accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after_id AS UUID)
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_transfers
-- A merchant's next transfers and what caused them.
-- path: transfers_pkey, from a position
SELECT id, correlation_id, payment_id, purpose
  FROM transfers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after_id AS UUID)
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_entries
-- A merchant's next entries, each account's in the order of its timeline.
-- path: entries_pkey, from a position
SELECT account_id, booked_at, version, transfer_id, direction, posted_minor, pending_minor,
       posted_debits_minor, posted_credits_minor, pending_debits_minor, pending_credits_minor
  FROM entries
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND (account_id, booked_at, version) > (
       CAST(:after_id AS UUID), CAST(:after_booked_at AS TIMESTAMPTZ), CAST(:after_version AS INT8))
 ORDER BY account_id, booked_at, version
 LIMIT CAST(:page_size AS INT8);

-- name: list_payments
-- A merchant's next payments, and how far they have come.
-- path: payments_pkey, from a position
SELECT id, correlation_id, account_id, amount_minor, amount_captured_minor, amount_refunded_minor,
       fee_minor, status, method
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after_id AS UUID)
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_refunds
-- A merchant's next refunds.
-- path: refunds_pkey, from a position
SELECT id, correlation_id, payment_id, amount_minor, status
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after_id AS UUID)
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_answers
-- The next answers that are kept under a merchant's keys.
-- path: idempotency_keys_pkey, from a position
SELECT id, key, status, body
  FROM idempotency_keys
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after_id AS UUID)
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_open_flows
-- A merchant's next flows that have not ended.
-- path: sagas_pkey, from a position
SELECT id, correlation_id, name, status, attempts, note
  FROM sagas
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after_id AS UUID)
   AND status <> 'done'
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: lock_accounts
-- Lock all of a merchant's accounts, as a transaction that hangs would.
-- path: accounts_pkey, one merchant's part
SELECT id
  FROM accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
 ORDER BY id
   FOR UPDATE;
