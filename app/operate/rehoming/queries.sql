-- Statements of the package `rehoming` that read.

-- name: count_rows
-- How many rows of a merchant are in a region, table by table.
-- path: the primary key of each table, all rows of the merchant
SELECT 'accounts', count(*)
  FROM accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'payments', count(*)
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'holds', count(*)
  FROM holds
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'idempotency_keys', count(*)
  FROM idempotency_keys
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'fx_quotes', count(*)
  FROM fx_quotes
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'payouts', count(*)
  FROM payouts
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'bank_accounts', count(*)
  FROM bank_accounts
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'disputes', count(*)
  FROM disputes
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'dispute_evidence', count(*)
  FROM dispute_evidence
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'refunds', count(*)
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'payment_labels', count(*)
  FROM payment_labels
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'transfers', count(*)
  FROM transfers
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'entries', count(*)
  FROM entries
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'events', count(*)
  FROM events
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'sagas', count(*)
  FROM sagas
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'customers', count(*)
  FROM customers
 WHERE region = :region
   AND merchant_id = :merchant_id
 UNION ALL
SELECT 'payment_methods', count(*)
  FROM payment_methods
 WHERE region = :region
   AND merchant_id = :merchant_id;

-- name: find_rows
-- The tables that have rows of a merchant in a region.
-- path: the primary key of each table, one look-up each
SELECT 'accounts'
 WHERE EXISTS (SELECT 1 FROM accounts
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'payments'
 WHERE EXISTS (SELECT 1 FROM payments
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'holds'
 WHERE EXISTS (SELECT 1 FROM holds
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'idempotency_keys'
 WHERE EXISTS (SELECT 1 FROM idempotency_keys
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'fx_quotes'
 WHERE EXISTS (SELECT 1 FROM fx_quotes
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'payouts'
 WHERE EXISTS (SELECT 1 FROM payouts
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'bank_accounts'
 WHERE EXISTS (SELECT 1 FROM bank_accounts
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'disputes'
 WHERE EXISTS (SELECT 1 FROM disputes
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'dispute_evidence'
 WHERE EXISTS (SELECT 1 FROM dispute_evidence
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'refunds'
 WHERE EXISTS (SELECT 1 FROM refunds
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'payment_labels'
 WHERE EXISTS (SELECT 1 FROM payment_labels
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'transfers'
 WHERE EXISTS (SELECT 1 FROM transfers
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'entries'
 WHERE EXISTS (SELECT 1 FROM entries
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'events'
 WHERE EXISTS (SELECT 1 FROM events
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'sagas'
 WHERE EXISTS (SELECT 1 FROM sagas
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'customers'
 WHERE EXISTS (SELECT 1 FROM customers
                WHERE region = :region AND merchant_id = :merchant_id)
 UNION ALL
SELECT 'payment_methods'
 WHERE EXISTS (SELECT 1 FROM payment_methods
                WHERE region = :region AND merchant_id = :merchant_id);
