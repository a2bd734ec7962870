-- Statements of the package `rehoming` that move rows: one per table.

-- name: sweep_accounts
-- Move the next page of a merchant's accounts to another region.
-- path: accounts_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE accounts
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM accounts
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_payments
-- Move the next page of a merchant's payments to another region.
-- path: payments_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE payments
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM payments
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id, hold_id)
SELECT id, hold_id
  FROM moved
 ORDER BY id;

-- name: sweep_holds
-- Move the next page of a merchant's holds to another region.
-- path: holds_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE holds
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM holds
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id, payment_id)
SELECT id, payment_id
  FROM moved
 ORDER BY id;

-- name: sweep_keys
-- Move the next page of a merchant's idempotency keys to another region.
-- path: idempotency_keys_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE idempotency_keys
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM idempotency_keys
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_quotes
-- Move the next page of a merchant's quotes to another region.
-- path: fx_quotes_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE fx_quotes
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM fx_quotes
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_disputes
-- Move the next page of a merchant's disputes to another region.
-- path: disputes_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE disputes
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM disputes
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_evidence
-- Move the next page of a merchant's evidence to another region.
-- path: dispute_evidence_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE dispute_evidence
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM dispute_evidence
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_refunds
-- Move the next page of a merchant's refunds to another region.
-- path: refunds_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE refunds
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM refunds
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_transfers
-- Move the next page of a merchant's transfers to another region.
-- path: transfers_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE transfers
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM transfers
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_events
-- Move the next page of a merchant's events to another region.
-- path: events_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE events
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM events
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_labels
-- Move the next page of a merchant's payments' labels to another region.
-- path: payment_labels_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE payment_labels
       SET region = :region
     WHERE (region, merchant_id, name, value, payment_id) IN (
           SELECT region, merchant_id, name, value, payment_id
             FROM payment_labels
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND (name, value, payment_id)
               > (CAST(:after_name AS TEXT), CAST(:after_value AS TEXT), CAST(:after_id AS UUID))
            ORDER BY name, value, payment_id
            LIMIT CAST(:page_size AS INT8))
    RETURNING name, value, payment_id)
SELECT name, value, payment_id
  FROM moved
 ORDER BY name, value, payment_id;

-- name: sweep_entries
-- Move the next page of a merchant's entries to another region.
-- path: entries_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE entries
       SET region = :region
     WHERE (region, merchant_id, account_id, booked_at, version) IN (
           SELECT region, merchant_id, account_id, booked_at, version
             FROM entries
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND (account_id, booked_at, version)
               > (CAST(:after_account_id AS UUID), CAST(:after_at AS TIMESTAMPTZ),
                  CAST(:after_version AS INT8))
            ORDER BY account_id, booked_at, version
            LIMIT CAST(:page_size AS INT8))
    RETURNING account_id, booked_at, version)
SELECT account_id, booked_at, version
  FROM moved
 ORDER BY account_id, booked_at, version;

-- name: sweep_sagas
-- Move the next page of a merchant's flows to another region.
-- path: sagas_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE sagas
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM sagas
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_payouts
-- Move the next page of a merchant's payouts to another region.
-- path: payouts_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE payouts
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM payouts
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_bank_accounts
-- Move the next page of a merchant's bank accounts to another region.
-- path: bank_accounts_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE bank_accounts
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM bank_accounts
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_customers
-- Move the next page of a merchant's customers to another region.
-- path: customers_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE customers
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM customers
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;

-- name: sweep_methods
-- Move the next page of a merchant's payment methods to another region.
-- path: payment_methods_pkey, from a position; then one look-up per row
WITH moved AS (
    UPDATE payment_methods
       SET region = :region
     WHERE (region, merchant_id, id) IN (
           SELECT region, merchant_id, id
             FROM payment_methods
            WHERE region = :former_region
              AND merchant_id = :merchant_id
              AND id > CAST(:after_id AS UUID)
            ORDER BY id
            LIMIT CAST(:page_size AS INT8))
    RETURNING id)
SELECT id
  FROM moved
 ORDER BY id;
