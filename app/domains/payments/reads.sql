-- Statements of `payments` that only read, for `reads.py`.

-- name: find_payments
-- Some payments.
-- path: payments_pkey (region, merchant_id, id), one look-up per payment
SELECT p.*
  FROM unnest(:payments) AS d (region, merchant_id, id)
  JOIN payments AS p
    ON p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id;

-- name: list_payments
-- A stretch of payments between two positions, newest first.
-- path: payments_pkey, backwards
-- both ways
SELECT *
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_payments_by_status
-- A stretch of payments that are not captured, by status, newest first.
-- path: payments_by_status, backwards
-- both ways
SELECT *
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = :status
   AND status <> 'captured'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_payments_by_customer
-- A stretch of a customer's payments, newest first.
-- path: payments_by_customer, backwards
-- both ways
SELECT *
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND customer = :customer
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_payments_by_label
-- A stretch of the payments with a pair of metadata, newest first.
-- path: payment_labels_pkey, backwards, then payments_pkey, one look-up per payment
-- both ways
SELECT p.*
  FROM payment_labels AS l
  JOIN payments AS p
    ON p.region = l.region
   AND p.merchant_id = l.merchant_id
   AND p.id = l.payment_id
 WHERE l.region = :region
   AND l.merchant_id = :merchant_id
   AND l.name = :name
   AND l.value = :value
   AND l.payment_id < :before
   AND l.payment_id > :after
 ORDER BY l.payment_id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: find_refund
-- One refund of a merchant.
-- path: refunds_pkey
SELECT *
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_refunds
-- A page of refunds between two positions, newest first.
-- path: refunds_pkey, backwards
-- both ways
SELECT *
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_refunds_of_payment
-- A page of a payment's refunds, newest first.
-- path: refunds_by_payment, backwards
-- both ways
SELECT *
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND payment_id = :payment_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);
