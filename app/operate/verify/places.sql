-- Statements of `verify` about where merchants are.

-- name: list_homes
-- The next merchants with the regions in which their rows may be.
-- path: merchants_pkey, from a position
SELECT CAST(t.id AS TEXT), t.home_region, t.former_region
  FROM merchants AS t
 WHERE t.id > CAST(:after AS UUID)
 ORDER BY t.id
 LIMIT CAST(:page_size AS INT8);

-- name: find_left_behind
-- The tables in which some merchants have rows in some other regions.
-- path: the primary key of each table, one look-up per merchant and region
SELECT CAST(d.merchant_id AS TEXT), d.region, 'accounts'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM accounts AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'bank_accounts'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM bank_accounts AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'dispute_evidence'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM dispute_evidence AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'disputes'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM disputes AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'entries'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM entries AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'events'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM events AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'fx_quotes'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM fx_quotes AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'holds'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM holds AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'idempotency_keys'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM idempotency_keys AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'payment_labels'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM payment_labels AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'payments'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM payments AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'payouts'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM payouts AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'refunds'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM refunds AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'sagas'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM sagas AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'transfers'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM transfers AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'customers'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM customers AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id)
 UNION ALL
SELECT CAST(d.merchant_id AS TEXT), d.region, 'payment_methods'
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:regions AS TEXT[])) AS d (merchant_id, region)
 WHERE EXISTS (SELECT 1 FROM payment_methods AS t
                WHERE t.region = d.region AND t.merchant_id = d.merchant_id);
