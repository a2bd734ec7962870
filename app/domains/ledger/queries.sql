-- Statements of the package `ledger`.
--
-- The region comes with each row of a batch, though it is the same in all: compared with a
-- constant, PostgreSQL plans a scan of the region while the table is small, and keeps that plan.

-- name: lock_accounts
-- Lock a batch's accounts in id order, so that batches of different processes queue.
-- path: accounts_pkey (region, merchant_id, id), one look-up per account
SELECT a.*
  FROM unnest(:accounts) AS d (region, merchant_id, id)
  JOIN accounts AS a
    ON a.region = d.region
   AND a.merchant_id = d.merchant_id
   AND a.id = d.id
 ORDER BY a.merchant_id, a.id
   FOR UPDATE OF a;

-- name: lock_account_rows
-- Lock some accounts in id order, with what their pages show.
-- path: accounts_pkey (region, merchant_id, id), one look-up per account
SELECT a.*, a.description,
       CAST(a.metadata AS TEXT), a.created_at
  FROM unnest(:accounts) AS d (region, merchant_id, id)
  JOIN accounts AS a
    ON a.region = d.region
   AND a.merchant_id = d.merchant_id
   AND a.id = d.id
 ORDER BY a.merchant_id, a.id
   FOR UPDATE OF a;

-- name: insert_accounts
-- Open accounts; one that exists already is left alone.
-- path: accounts_pkey
INSERT INTO accounts
       (region, merchant_id, id, kind, currency, normal_side, floor_minor, posted_debits_minor,
        posted_credits_minor, pending_debits_minor, pending_credits_minor, version, status,
        customer, description, metadata, correlation_id, created_at, booked_at)
SELECT :region, d.merchant_id, d.id, d.kind, d.currency, d.normal_side, d.floor_minor, 0, 0, 0, 0,
       0, 'open', d.customer, d.description, CAST(d.metadata AS JSONB), d.correlation_id,
       CAST(:created_at AS TIMESTAMPTZ), CAST(:created_at AS TIMESTAMPTZ)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:account_ids AS UUID[]), CAST(:kinds AS TEXT[]),
              CAST(:currencies AS TEXT[]), CAST(:normal_sides AS TEXT[]),
              CAST(:floors_minor AS INT8[]), CAST(:customers AS TEXT[]),
              CAST(:descriptions AS TEXT[]), CAST(:metadatas AS TEXT[]),
              CAST(:correlation_ids AS TEXT[]))
       AS d (merchant_id, id, kind, currency, normal_side, floor_minor, customer, description,
             metadata, correlation_id)
    ON CONFLICT (region, merchant_id, id) DO NOTHING;

-- name: update_accounts
-- Write the sums after a batch, each account once, if nothing changed it since it was locked.
-- path: accounts_pkey, one look-up per account
UPDATE accounts AS a
   SET posted_debits_minor = d.posted_debits_minor,
       posted_credits_minor = d.posted_credits_minor,
       pending_debits_minor = d.pending_debits_minor,
       pending_credits_minor = d.pending_credits_minor,
       version = d.version,
       booked_at = CAST(:booked_at AS TIMESTAMPTZ)
  FROM unnest(CAST(:regions AS TEXT[]), CAST(:merchant_ids AS UUID[]),
              CAST(:account_ids AS UUID[]),
              CAST(:versions_before AS INT8[]), CAST(:versions AS INT8[]),
              CAST(:posted_debits_minor AS INT8[]), CAST(:posted_credits_minor AS INT8[]),
              CAST(:pending_debits_minor AS INT8[]), CAST(:pending_credits_minor AS INT8[]))
       AS d (region, merchant_id, id, version_before, version, posted_debits_minor,
             posted_credits_minor, pending_debits_minor, pending_credits_minor)
 WHERE a.region = d.region
   AND a.merchant_id = d.merchant_id
   AND a.id = d.id
   AND a.version = d.version_before;

-- name: update_overdrafts
-- Write how often accounts were overdrawn.
-- path: accounts_pkey, one look-up per account
UPDATE accounts AS a
   SET overdrafts = d.overdrafts
  FROM unnest(:accounts) AS d (region, merchant_id, id, overdrafts)
 WHERE a.region = d.region
   AND a.merchant_id = d.merchant_id
   AND a.id = d.id;

-- name: close_accounts
-- Close accounts.
-- path: accounts_pkey, one look-up per account
UPDATE accounts AS a
   SET status = 'closed'
  FROM unnest(:accounts) AS d (region, merchant_id, id)
 WHERE a.region = d.region
   AND a.merchant_id = d.merchant_id
   AND a.id = d.id;

-- name: insert_transfers
-- Book transfers, which never change afterwards.
-- path: transfers_pkey
INSERT INTO transfers
       (region, merchant_id, id, kind, purpose, payment_id, hold_id, entries, description,
        metadata, block_writer, block_sequence, correlation_id, booked_at)
SELECT :region, d.merchant_id, d.id, d.kind, d.purpose, d.payment_id, d.hold_id, d.entries,
       d.description, CAST(d.metadata AS JSONB), CAST(:block_writer AS UUID),
       CAST(:block_sequence AS INT8), d.correlation_id, CAST(:booked_at AS TIMESTAMPTZ)
  FROM unnest(:transfers)
       AS d (merchant_id, id, kind, purpose, payment_id, hold_id, entries, description, metadata,
             correlation_id);

-- name: insert_entries
-- Append entries to their accounts' timelines.
-- path: entries_pkey
INSERT INTO entries
       (region, merchant_id, account_id, booked_at, version, transfer_id, direction, posted_minor,
        pending_minor, posted_debits_minor, posted_credits_minor, pending_debits_minor,
        pending_credits_minor)
SELECT :region, d.merchant_id, d.account_id, CAST(:booked_at AS TIMESTAMPTZ), d.version,
       d.transfer_id, d.direction, d.posted_minor, d.pending_minor, d.posted_debits_minor,
       d.posted_credits_minor, d.pending_debits_minor, d.pending_credits_minor
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:account_ids AS UUID[]),
              CAST(:versions AS INT8[]), CAST(:transfer_ids AS UUID[]),
              CAST(:directions AS TEXT[]), CAST(:posted_minor AS INT8[]),
              CAST(:pending_minor AS INT8[]), CAST(:posted_debits_minor AS INT8[]),
              CAST(:posted_credits_minor AS INT8[]), CAST(:pending_debits_minor AS INT8[]),
              CAST(:pending_credits_minor AS INT8[]))
       AS d (merchant_id, account_id, version, transfer_id, direction, posted_minor,
             pending_minor, posted_debits_minor, posted_credits_minor, pending_debits_minor,
             pending_credits_minor);

-- name: insert_block
-- Append a journal block to its writer's chain.
-- path: journal_blocks_pkey
INSERT INTO journal_blocks
       (region, writer, sequence, previous_hash, root, hash, merchant_ids, transfer_ids, created_at)
VALUES (:region, CAST(:writer AS UUID), CAST(:sequence AS INT8), :previous_hash, :root, :hash,
        CAST(:merchant_ids AS UUID[]), CAST(:transfer_ids AS UUID[]),
        CAST(:created_at AS TIMESTAMPTZ));

-- name: lock_holds
-- Lock a batch's holds in id order.
-- path: holds_pkey (region, merchant_id, id), one look-up per hold
SELECT h.*
  FROM unnest(:holds) AS d (region, merchant_id, id)
  JOIN holds AS h
    ON h.region = d.region
   AND h.merchant_id = d.merchant_id
   AND h.id = d.id
 ORDER BY h.merchant_id, h.id
   FOR UPDATE OF h;

-- name: insert_holds
-- Begin holds.
-- path: holds_pkey, holds_to_expire
INSERT INTO holds
       (region, merchant_id, id, payment_id, debit_account_id, credit_account_id, amount_minor,
        posted_minor, status, expires_at, bucket)
SELECT :region, d.merchant_id, d.id, d.payment_id, d.debit_account_id, d.credit_account_id,
       d.amount_minor, 0, 'open', d.expires_at, d.bucket
  FROM unnest(:holds)
       AS d (merchant_id, id, payment_id, debit_account_id, credit_account_id, amount_minor,
             expires_at, bucket);

-- name: update_holds
-- Write what was posted of holds and how they ended.
-- path: holds_pkey, one look-up per hold
UPDATE holds AS h
   SET posted_minor = d.posted_minor,
       status = d.status,
       expires_at = d.expires_at
  FROM unnest(:holds) AS d (region, merchant_id, id, posted_minor, status, expires_at)
 WHERE h.region = d.region
   AND h.merchant_id = d.merchant_id
   AND h.id = d.id;

-- name: pull_accounts
-- Bring some accounts home from their merchants' former regions.
-- path: accounts_pkey (region, merchant_id, id), one look-up per account
UPDATE accounts AS a
   SET region = :region
  FROM unnest(:accounts) AS d (former_region, merchant_id, id)
 WHERE a.region = d.former_region
   AND a.merchant_id = d.merchant_id
   AND a.id = d.id
RETURNING a.merchant_id, a.id;

-- name: pull_holds
-- Bring some holds home from their merchants' former regions.
-- path: holds_pkey (region, merchant_id, id), one look-up per hold
UPDATE holds AS h
   SET region = :region
  FROM unnest(:holds) AS d (former_region, merchant_id, id)
 WHERE h.region = d.former_region
   AND h.merchant_id = d.merchant_id
   AND h.id = d.id
RETURNING h.merchant_id, h.id;
