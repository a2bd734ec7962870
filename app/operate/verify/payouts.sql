-- Statements of `verify` about payouts and bank accounts.

-- name: count_payouts
-- How many rows will be read.
-- full scan: every row is read afterwards anyway
SELECT count(*) FROM payouts WHERE region = :region;

-- name: list_payout_states
-- The next payouts with all their fields, after their position.
-- path: payouts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM payouts AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_bank_account_states
-- The next bank accounts with all their fields, after their position.
-- path: bank_accounts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM bank_accounts AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_payouts
-- The next payouts with the transfers that they name.
-- path: payouts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.status, t.currency, t.amount_minor,
       CAST(t.transfer_id AS TEXT), CAST(t.paid_transfer_id AS TEXT),
       CAST(t.returned_transfer_id AS TEXT)
  FROM payouts AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: find_purposes
-- The purposes of some transfers.
-- path: transfers_pkey, one look-up per transfer
SELECT CAST(t.id AS TEXT), t.purpose, t.entries, CAST(t.metadata AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN transfers AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id;

-- name: list_transit_accounts
-- The next accounts of what is on its way to banks, with what they hold.
-- path: accounts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.currency,
       t.posted_credits_minor - t.posted_debits_minor
  FROM accounts AS t
 WHERE t.region = :region
   AND t.kind = 'payouts_in_transit'
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: find_missing_bank_accounts
-- The ids, out of some bank accounts, that do not exist.
-- path: bank_accounts_pkey, one look-up per bank account
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN bank_accounts AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;

-- name: find_missing_payouts
-- The ids, out of some payouts, that do not exist.
-- path: payouts_pkey, one look-up per payout
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN payouts AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;
