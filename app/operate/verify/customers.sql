-- Statements of `verify` about customers and their payment methods.

-- name: list_customer_states
-- The next customers with all their fields, after their position.
-- path: customers_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM customers AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_method_states
-- The next payment methods with all their fields, after their position.
-- path: payment_methods_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM payment_methods AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);
