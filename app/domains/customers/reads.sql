-- Statements of `customers` that only read, for `reads.py`.

-- name: find_customer
-- One customer of a merchant.
-- path: customers_pkey
SELECT merchant_id, id, name, email, phone, description, CAST(metadata AS TEXT), status, version,
       correlation_id, updated_at
  FROM customers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_customers_newest
-- A page of a merchant's customers between two positions, newest first.
-- path: customers_by_status, backwards
SELECT merchant_id, id, name, email, phone, description, CAST(metadata AS TEXT), status, version,
       correlation_id, updated_at
  FROM customers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = 'active'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_customers_oldest
-- A page of a merchant's customers between two positions, oldest first.
-- path: customers_by_status
SELECT merchant_id, id, name, email, phone, description, CAST(metadata AS TEXT), status, version,
       correlation_id, updated_at
  FROM customers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = 'active'
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: find_methods
-- Some payment methods.
-- path: payment_methods_pkey (region, merchant_id, id), one look-up per method
SELECT m.merchant_id, m.id, m.customer_id, m.brand, m.bin, m.last4, m.exp_month, m.exp_year,
       m.fingerprint, m.status, m.version, m.correlation_id, m.updated_at
  FROM unnest(CAST(:regions AS TEXT[]), CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[]))
       AS d (region, merchant_id, id)
  JOIN payment_methods AS m
    ON m.region = d.region
   AND m.merchant_id = d.merchant_id
   AND m.id = d.id;

-- name: list_methods_newest
-- A page of a merchant's payment methods between two positions, newest first.
-- path: payment_methods_by_status, backwards
SELECT merchant_id, id, customer_id, brand, bin, last4, exp_month, exp_year, fingerprint, status,
       version, correlation_id, updated_at
  FROM payment_methods
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = 'attached'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_methods_oldest
-- A page of a merchant's payment methods between two positions, oldest first.
-- path: payment_methods_by_status
SELECT merchant_id, id, customer_id, brand, bin, last4, exp_month, exp_year, fingerprint, status,
       version, correlation_id, updated_at
  FROM payment_methods
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = 'attached'
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_methods_of_customer_newest
-- A page of a customer's payment methods between two positions, newest first.
-- path: payment_methods_by_customer, backwards
SELECT merchant_id, id, customer_id, brand, bin, last4, exp_month, exp_year, fingerprint, status,
       version, correlation_id, updated_at
  FROM payment_methods
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND customer_id = :customer_id
   AND status = 'attached'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_methods_of_customer_oldest
-- A page of a customer's payment methods between two positions, oldest first.
-- path: payment_methods_by_customer
SELECT merchant_id, id, customer_id, brand, bin, last4, exp_month, exp_year, fingerprint, status,
       version, correlation_id, updated_at
  FROM payment_methods
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND customer_id = :customer_id
   AND status = 'attached'
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);
