-- Statements of `ledger` that only read, for `reads.py`.

-- name: list_holds_to_expire
-- Open holds of one bucket whose time has come, the oldest first.
-- path: holds_to_expire (region, bucket, expires_at)
SELECT merchant_id, id, payment_id
  FROM holds
 WHERE region = :region
   AND bucket = CAST(:bucket AS INT8)
   AND status = 'open'
   AND expires_at <= CAST(:now AS TIMESTAMPTZ)
 ORDER BY expires_at, merchant_id, id
 LIMIT CAST(:page_size AS INT8);

-- name: find_account
-- One account of a merchant with what its page shows.
-- path: accounts_pkey
SELECT *, description, CAST(metadata AS TEXT), created_at
  FROM accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_accounts
-- A page of a merchant's accounts between two positions, newest first.
-- path: accounts_pkey, backwards
-- both ways
SELECT *, description, CAST(metadata AS TEXT), created_at
  FROM accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: find_balance_as_of
-- The sums of an account after its last entry at or before an instant.
-- path: entries_pkey (region, merchant_id, account_id, booked_at), backwards, one row
SELECT posted_debits_minor, posted_credits_minor, pending_debits_minor, pending_credits_minor,
       version
  FROM entries
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND account_id = :account_id
   AND booked_at <= CAST(:as_of AS TIMESTAMPTZ)
 ORDER BY booked_at DESC, version DESC
 LIMIT 1;

-- name: list_entries
-- A page of an account's entries between two positions, newest first.
-- path: entries_pkey, backwards
-- both ways
SELECT *
  FROM entries
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND account_id = :account_id
   AND (booked_at, version) < (CAST(:before_at AS TIMESTAMPTZ), CAST(:before_version AS INT8))
   AND (booked_at, version) > (CAST(:after_at AS TIMESTAMPTZ), CAST(:after_version AS INT8))
 ORDER BY booked_at DESC, version DESC
 LIMIT CAST(:page_size AS INT8);

-- name: find_transfer
-- One transfer of a merchant.
-- path: transfers_pkey
SELECT *
  FROM transfers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_transfers
-- A page of a merchant's transfers between two positions, newest first.
-- path: transfers_pkey, backwards
-- both ways
SELECT *
  FROM transfers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);
