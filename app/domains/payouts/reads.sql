-- Statements of `payouts` that only read, for `reads.py`.

-- name: find_payout
-- One payout of a merchant.
-- path: payouts_pkey
SELECT *
  FROM payouts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_payouts
-- A stretch of payouts between two positions, newest first.
-- path: payouts_pkey, backwards
-- both ways
SELECT *
  FROM payouts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_payouts_by_status
-- A stretch of payouts that are not paid, by status, newest first.
-- path: payouts_by_status, backwards
-- both ways
SELECT *
  FROM payouts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = :status
   AND status <> 'paid'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_paid_payouts
-- A stretch of paid payouts, which nearly all are, newest first.
-- path: payouts_pkey, backwards
-- both ways
SELECT *
  FROM payouts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = 'paid'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: find_bank_account
-- One bank account of a merchant.
-- path: bank_accounts_pkey
SELECT *
  FROM bank_accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_bank_accounts
-- A stretch of bank accounts between two positions, newest first.
-- path: bank_accounts_pkey, backwards
-- both ways
SELECT *
  FROM bank_accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: find_plan
-- How one merchant is paid out in one currency.
-- path: payout_plans_pkey
SELECT *
  FROM payout_plans
 WHERE merchant_id = :merchant_id
   AND currency = :currency;

-- name: list_daily_plans
-- The next plans that are due every day, after a position.
-- full scan: plans are few, and the worker asks once a day
SELECT *
  FROM payout_plans
 WHERE schedule = 'daily'
   AND (merchant_id, currency) > (CAST(:after_merchant_id AS UUID), CAST(:after_currency AS TEXT))
 ORDER BY merchant_id, currency
 LIMIT CAST(:page_size AS INT8);

-- name: list_unfiled
-- Payouts that wait for a file, after a position, with where they go.
-- path: payouts_unfiled; bank_accounts_pkey, one look-up per payout
SELECT p.merchant_id, p.id, p.amount_minor, b.iban, b.name
  FROM payouts AS p
  JOIN bank_accounts AS b
    ON b.region = p.region
   AND b.merchant_id = p.merchant_id
   AND b.id = p.bank_account_id
 WHERE p.region = :region
   AND p.currency = :currency
   AND p.status = 'pending'
   AND p.road = 'file'
   AND p.file_id IS NULL
   AND (p.merchant_id, p.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY p.merchant_id, p.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_files_to_send
-- The next files that are not decided about, after a position, the oldest first.
-- path: payout_files_made
SELECT *
  FROM payout_files
 WHERE region = :region
   AND status = 'made'
   AND id > :after_id
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_files_of_day
-- The files of one day, of one region.
-- full scan: a file a day is not many
SELECT *
  FROM payout_files
 WHERE region = :region
   AND currency = :currency
   AND day = CAST(:day AS DATE)
 ORDER BY id
 LIMIT 1000;

-- name: find_file
-- One file, wherever the payouts in it are by now.
-- full scan: a file a day is not many, and only payouts that a bank does not know ask
SELECT *
  FROM payout_files
 WHERE id = :id;

-- name: list_payouts_of_file
-- The payouts of a file that the bank has not decided about, after a position.
-- path: payouts_by_file
SELECT merchant_id, id
  FROM payouts
 WHERE region = :region
   AND file_id = :file_id
   AND (merchant_id, id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
   AND status = 'pending'
 ORDER BY merchant_id, id
 LIMIT CAST(:page_size AS INT8);
