-- Statements of the package `customers`.
--
-- As in `ledger`, the region comes with each row of a batch, though it is the same in all.

-- name: lock_customers
-- Lock some customers in id order.
-- path: customers_pkey (region, merchant_id, id), one look-up per customer
SELECT c.*
  FROM unnest(:customers) AS d (region, merchant_id, id)
  JOIN customers AS c
    ON c.region = d.region
   AND c.merchant_id = d.merchant_id
   AND c.id = d.id
 ORDER BY c.merchant_id, c.id
   FOR UPDATE OF c;

-- name: pull_customers
-- Bring some customers home from their merchants' former regions.
-- path: customers_pkey (region, merchant_id, id), one look-up per customer
UPDATE customers AS c
   SET region = :region
  FROM unnest(:customers) AS d (former_region, merchant_id, id)
 WHERE c.region = d.former_region
   AND c.merchant_id = d.merchant_id
   AND c.id = d.id
RETURNING c.merchant_id, c.id;

-- name: lock_methods
-- Lock some payment methods in id order.
-- path: payment_methods_pkey (region, merchant_id, id), one look-up per payment method
SELECT m.*
  FROM unnest(:payment_methods) AS d (region, merchant_id, id)
  JOIN payment_methods AS m
    ON m.region = d.region
   AND m.merchant_id = d.merchant_id
   AND m.id = d.id
 ORDER BY m.merchant_id, m.id
   FOR UPDATE OF m;

-- name: pull_methods
-- Bring some payment methods home from their merchants' former regions.
-- path: payment_methods_pkey (region, merchant_id, id), one look-up per payment method
UPDATE payment_methods AS m
   SET region = :region
  FROM unnest(:payment_methods) AS d (former_region, merchant_id, id)
 WHERE m.region = d.former_region
   AND m.merchant_id = d.merchant_id
   AND m.id = d.id
RETURNING m.merchant_id, m.id;

-- name: list_methods_of_customers
-- Which payment methods some customers have, to lock them.
-- path: payment_methods_by_customer, one look-up per customer
SELECT m.merchant_id, m.id
  FROM unnest(:payment_methods) AS d (region, merchant_id, customer_id, status)
  JOIN payment_methods AS m
    ON m.region = d.region
   AND m.merchant_id = d.merchant_id
   AND m.customer_id = d.customer_id
   AND m.status = d.status
 ORDER BY m.merchant_id, m.id;

-- name: insert_customers
-- Record customers; where one is there already, the work runs again and finds it.
-- path: customers_pkey
INSERT INTO customers
       (region, merchant_id, id, name, email, phone, description, metadata, status, version,
        correlation_id, updated_at)
SELECT :region, d.merchant_id, d.id, d.name, d.email, d.phone, d.description,
       CAST(d.metadata AS JSONB), 'active', 1, d.correlation_id, d.updated_at
  FROM unnest(:customers)
       AS d (merchant_id, id, name, email, phone, description, metadata, correlation_id, updated_at)
    ON CONFLICT (region, merchant_id, id) DO NOTHING;

-- name: update_customers
-- Write changed customers.
-- path: customers_pkey, one look-up per customer
UPDATE customers AS c
   SET name = d.name,
       email = d.email,
       phone = d.phone,
       description = d.description,
       metadata = CAST(d.metadata AS JSONB),
       status = d.status,
       version = d.version,
       updated_at = d.updated_at
  FROM unnest(:customers)
       AS d (region, merchant_id, id, name, email, phone, description, metadata, status, version,
             updated_at)
 WHERE c.region = d.region
   AND c.merchant_id = d.merchant_id
   AND c.id = d.id;

-- name: insert_methods
-- Register payment methods; where one is there already, the work runs again and finds it.
-- path: payment_methods_pkey
INSERT INTO payment_methods
       (region, merchant_id, id, customer_id, brand, bin, last4, exp_month, exp_year, status,
        version, correlation_id, updated_at)
SELECT :region, d.merchant_id, d.id, d.customer_id, d.brand, d.bin, d.last4, d.exp_month,
       d.exp_year, d.status, d.version, d.correlation_id, d.updated_at
  FROM unnest(:payment_methods)
       AS d (merchant_id, id, customer_id, brand, bin, last4, exp_month, exp_year, status, version,
             correlation_id, updated_at)
    ON CONFLICT (region, merchant_id, id) DO NOTHING;

-- name: update_methods
-- Write changed payment methods.
-- path: payment_methods_pkey, one look-up per payment method
UPDATE payment_methods AS m
   SET customer_id = d.customer_id,
       status = d.status,
       version = d.version,
       updated_at = d.updated_at
  FROM unnest(:payment_methods)
       AS d (region, merchant_id, id, customer_id, status, version, updated_at)
 WHERE m.region = d.region
   AND m.merchant_id = d.merchant_id
   AND m.id = d.id;
