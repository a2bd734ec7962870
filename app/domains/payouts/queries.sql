-- Statements of the package `payouts`.

-- name: insert_bank_accounts
-- Record bank accounts.
-- path: bank_accounts_pkey
INSERT INTO bank_accounts
       (region, merchant_id, id, iban, name, metadata, version, correlation_id, created_at)
SELECT :region, d.merchant_id, d.id, d.iban, d.name, CAST(d.metadata AS JSONB), 1,
       d.correlation_id, d.created_at
  FROM unnest(:bank_accounts)
       AS d (merchant_id, id, iban, name, metadata, correlation_id, created_at);

-- name: load_bank_accounts
-- The bank accounts of a batch; they never change, so they are not locked.
-- path: bank_accounts_pkey (region, merchant_id, id), one look-up per account
SELECT b.*
  FROM unnest(:bank_accounts) AS d (region, merchant_id, id)
  JOIN bank_accounts AS b
    ON b.region = d.region
   AND b.merchant_id = d.merchant_id
   AND b.id = d.id;

-- name: load_plans
-- The plans of some merchants in some currencies.
-- path: payout_plans_pkey, one look-up per pair
SELECT p.*
  FROM unnest(:payout_plans) AS d (merchant_id, currency)
  JOIN payout_plans AS p
    ON p.merchant_id = d.merchant_id
   AND p.currency = d.currency;

-- name: lock_payouts
-- Lock a batch's payouts in id order.
-- path: payouts_pkey (region, merchant_id, id), one look-up per payout
SELECT p.*
  FROM unnest(:payouts) AS d (region, merchant_id, id)
  JOIN payouts AS p
    ON p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id
 ORDER BY p.merchant_id, p.id
   FOR UPDATE OF p;

-- name: insert_payouts
-- Record new payouts.
-- path: payouts_pkey, payouts_by_status, payouts_unfiled
INSERT INTO payouts
       (region, merchant_id, id, status, currency, amount_minor, bank_account_id, road, file_id,
        failure_code, description, metadata, created_by, approved_by, transfer_id,
        paid_transfer_id, returned_transfer_id, version, correlation_id, created_at, updated_at)
SELECT :region, d.merchant_id, d.id, d.status, d.currency, d.amount_minor, d.bank_account_id,
       d.road, NULL, NULL, d.description, CAST(d.metadata AS JSONB), d.created_by, NULL,
       d.transfer_id, NULL, NULL, 1, d.correlation_id, d.created_at, d.created_at
  FROM unnest(:payouts)
       AS d (merchant_id, id, status, currency, amount_minor, bank_account_id, road, description,
             metadata, created_by, transfer_id, correlation_id, created_at);

-- name: update_payouts
-- Write how far payouts have come.
-- path: payouts_pkey, one look-up per payout
UPDATE payouts AS p
   SET status = d.status,
       failure_code = d.failure_code,
       approved_by = d.approved_by,
       paid_transfer_id = d.paid_transfer_id,
       returned_transfer_id = d.returned_transfer_id,
       version = d.version,
       updated_at = d.updated_at
  FROM unnest(:payouts)
       AS d (region, merchant_id, id, status, failure_code, approved_by, paid_transfer_id,
             returned_transfer_id, version, updated_at)
 WHERE p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id;

-- name: pull_bank_accounts
-- Bring some bank accounts home from their merchants' former regions.
-- path: bank_accounts_pkey (region, merchant_id, id), one look-up per account
UPDATE bank_accounts AS b
   SET region = :region
  FROM unnest(:bank_accounts) AS d (former_region, merchant_id, id)
 WHERE b.region = d.former_region
   AND b.merchant_id = d.merchant_id
   AND b.id = d.id
RETURNING b.merchant_id, b.id;

-- name: pull_payouts
-- Bring some payouts home from their merchants' former regions.
-- path: payouts_pkey (region, merchant_id, id), one look-up per payout
UPDATE payouts AS p
   SET region = :region
  FROM unnest(:payouts) AS d (former_region, merchant_id, id)
 WHERE p.region = d.former_region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id
RETURNING p.merchant_id, p.id;

-- name: assign_file
-- Put payouts into a file, unless they have left or are in another one.
-- path: payouts_pkey (region, merchant_id, id), one look-up per payout
UPDATE payouts AS p
   SET file_id = CAST(:file_id AS UUID)
  FROM unnest(:payouts) AS d (region, merchant_id, id)
 WHERE p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id
   AND p.status = :status
   AND p.road = :channel
   AND p.file_id IS NULL;

-- name: insert_file
-- Record a file with all it says.
-- path: payout_files_pkey, payout_files_made
INSERT INTO payout_files
       (region, id, currency, day, status, content, payouts, sum_minor, rejected, created_at,
        updated_at)
VALUES (:region, CAST(:id AS UUID), :currency, CAST(:day AS DATE), 'made', :content,
        CAST(:payouts AS INT8), CAST(:sum_minor AS INT8), '{}', CAST(:now AS TIMESTAMPTZ),
        CAST(:now AS TIMESTAMPTZ));

-- name: update_file
-- Write what the bank said of a file.
-- path: payout_files_pkey
UPDATE payout_files
   SET status = :status,
       rejected = CAST(:rejected AS JSONB),
       updated_at = CAST(:now AS TIMESTAMPTZ)
 WHERE region = :region
   AND id = CAST(:id AS UUID);

-- name: claim_file
-- Note that a file is given to the bank now, unless it is decided about.
-- path: payout_files_pkey
UPDATE payout_files
   SET updated_at = CAST(:now AS TIMESTAMPTZ)
 WHERE region = :region
   AND id = CAST(:id AS UUID)
   AND status = 'made';

-- name: reject_file
-- Write that the bank did not take a file, unless it was given to the bank meanwhile.
-- path: payout_files_pkey
UPDATE payout_files
   SET status = 'rejected',
       updated_at = CAST(:now AS TIMESTAMPTZ)
 WHERE region = :region
   AND id = CAST(:id AS UUID)
   AND status = 'made'
   AND updated_at = CAST(:seen_at AS TIMESTAMPTZ);

-- name: upsert_plan
-- Say how a merchant is paid out in a currency.
-- path: payout_plans_pkey
INSERT INTO payout_plans
       (merchant_id, currency, schedule, bank_account_id, approval_minor, updated_at)
VALUES (CAST(:merchant_id AS UUID), :currency, :schedule, CAST(:bank_account_id AS UUID),
        CAST(:approval_minor AS INT8), CAST(:now AS TIMESTAMPTZ))
    ON CONFLICT (merchant_id, currency) DO UPDATE
   SET schedule = excluded.schedule,
       bank_account_id = excluded.bank_account_id,
       approval_minor = excluded.approval_minor,
       updated_at = excluded.updated_at;
