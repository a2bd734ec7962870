-- Statements of `customers` that only read, for `reads.py`.

-- name: find_customer
-- One customer of a merchant.
-- path: customers_pkey
SELECT *
  FROM customers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_customers
-- A page of a merchant's customers between two positions, newest first.
-- path: customers_by_status, backwards
-- both ways
SELECT *
  FROM customers
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = 'active'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: find_methods
-- Some payment methods.
-- path: payment_methods_pkey (region, merchant_id, id), one look-up per method
SELECT m.*
  FROM unnest(:payment_methods) AS d (region, merchant_id, id)
  JOIN payment_methods AS m
    ON m.region = d.region
   AND m.merchant_id = d.merchant_id
   AND m.id = d.id;

-- name: list_methods
-- A page of a merchant's payment methods between two positions, newest first.
-- path: payment_methods_by_status, backwards
-- both ways
SELECT *
  FROM payment_methods
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = 'attached'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_methods_of_customer
-- A page of a customer's payment methods between two positions, newest first.
-- path: payment_methods_by_customer, backwards
-- both ways
SELECT *
  FROM payment_methods
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND customer_id = :customer_id
   AND status = 'attached'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);
