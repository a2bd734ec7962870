-- Statements of `payments` that only read, for `reads.py`.

-- name: find_payments
-- Some payments.
-- path: payments_pkey (region, merchant_id, id), one look-up per payment
SELECT p.merchant_id, p.id, p.status, p.method, p.capture, p.account_id, p.customer, p.currency,
       p.amount_minor, p.amount_captured_minor, p.amount_refunded_minor, p.fee_minor, p.fee_bps,
       p.fee_fixed_minor, p.disputed, p.hold_id, p.description, CAST(p.metadata AS TEXT),
       p.version, p.correlation_id, p.created_at, p.updated_at, p.expires_at, p.rail,
       p.operation_id, p.fee_plan, p.fee_refunded_minor, p.exchange
  FROM unnest(CAST(:regions AS TEXT[]), CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[]))
       AS d (region, merchant_id, id)
  JOIN payments AS p
    ON p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id;

-- name: list_newest
-- A stretch of payments between two positions, newest first.
-- path: payments_pkey, backwards
SELECT merchant_id, id, status, method, capture, account_id, customer, currency, amount_minor,
       amount_captured_minor, amount_refunded_minor, fee_minor, fee_bps, fee_fixed_minor,
       disputed, hold_id, description, CAST(metadata AS TEXT), version, correlation_id,
       created_at, updated_at, expires_at, rail, operation_id, fee_plan, fee_refunded_minor,
       exchange
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_oldest
-- A stretch of payments between two positions, oldest first.
-- path: payments_pkey
SELECT merchant_id, id, status, method, capture, account_id, customer, currency, amount_minor,
       amount_captured_minor, amount_refunded_minor, fee_minor, fee_bps, fee_fixed_minor,
       disputed, hold_id, description, CAST(metadata AS TEXT), version, correlation_id,
       created_at, updated_at, expires_at, rail, operation_id, fee_plan, fee_refunded_minor,
       exchange
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_newest_by_status
-- A stretch of payments that are not captured, by status, newest first.
-- path: payments_by_status, backwards
SELECT merchant_id, id, status, method, capture, account_id, customer, currency, amount_minor,
       amount_captured_minor, amount_refunded_minor, fee_minor, fee_bps, fee_fixed_minor,
       disputed, hold_id, description, CAST(metadata AS TEXT), version, correlation_id,
       created_at, updated_at, expires_at, rail, operation_id, fee_plan, fee_refunded_minor,
       exchange
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = :status
   AND status <> 'captured'
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_oldest_by_status
-- A stretch of payments that are not captured, by status, oldest first.
-- path: payments_by_status
SELECT merchant_id, id, status, method, capture, account_id, customer, currency, amount_minor,
       amount_captured_minor, amount_refunded_minor, fee_minor, fee_bps, fee_fixed_minor,
       disputed, hold_id, description, CAST(metadata AS TEXT), version, correlation_id,
       created_at, updated_at, expires_at, rail, operation_id, fee_plan, fee_refunded_minor,
       exchange
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND status = :status
   AND status <> 'captured'
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_newest_by_customer
-- A stretch of a customer's payments, newest first.
-- path: payments_by_customer, backwards
SELECT merchant_id, id, status, method, capture, account_id, customer, currency, amount_minor,
       amount_captured_minor, amount_refunded_minor, fee_minor, fee_bps, fee_fixed_minor,
       disputed, hold_id, description, CAST(metadata AS TEXT), version, correlation_id,
       created_at, updated_at, expires_at, rail, operation_id, fee_plan, fee_refunded_minor,
       exchange
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND customer = :customer
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_oldest_by_customer
-- A stretch of a customer's payments, oldest first.
-- path: payments_by_customer
SELECT merchant_id, id, status, method, capture, account_id, customer, currency, amount_minor,
       amount_captured_minor, amount_refunded_minor, fee_minor, fee_bps, fee_fixed_minor,
       disputed, hold_id, description, CAST(metadata AS TEXT), version, correlation_id,
       created_at, updated_at, expires_at, rail, operation_id, fee_plan, fee_refunded_minor,
       exchange
  FROM payments
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND customer = :customer
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_newest_by_label
-- A stretch of the payments with a pair of metadata, newest first.
-- path: payment_labels_pkey, backwards, then payments_pkey, one look-up per payment
SELECT p.merchant_id, p.id, p.status, p.method, p.capture, p.account_id, p.customer, p.currency,
       p.amount_minor, p.amount_captured_minor, p.amount_refunded_minor, p.fee_minor, p.fee_bps,
       p.fee_fixed_minor, p.disputed, p.hold_id, p.description, CAST(p.metadata AS TEXT),
       p.version, p.correlation_id, p.created_at, p.updated_at, p.expires_at, p.rail,
       p.operation_id, p.fee_plan, p.fee_refunded_minor, p.exchange
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

-- name: list_oldest_by_label
-- A stretch of the payments with a pair of metadata, oldest first.
-- path: payment_labels_pkey, then payments_pkey, one look-up per payment
SELECT p.merchant_id, p.id, p.status, p.method, p.capture, p.account_id, p.customer, p.currency,
       p.amount_minor, p.amount_captured_minor, p.amount_refunded_minor, p.fee_minor, p.fee_bps,
       p.fee_fixed_minor, p.disputed, p.hold_id, p.description, CAST(p.metadata AS TEXT),
       p.version, p.correlation_id, p.created_at, p.updated_at, p.expires_at, p.rail,
       p.operation_id, p.fee_plan, p.fee_refunded_minor, p.exchange
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
 ORDER BY l.payment_id
 LIMIT CAST(:page_size AS INT8);

-- name: find_refund
-- One refund of a merchant.
-- path: refunds_pkey
SELECT merchant_id, id, payment_id, status, currency, amount_minor, description,
       CAST(metadata AS TEXT), version, correlation_id, created_at, failure_code,
       processor_reference, exchanged, fee_refunded_minor
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_refunds_newest
-- A page of refunds between two positions, newest first.
-- path: refunds_pkey, backwards
SELECT merchant_id, id, payment_id, status, currency, amount_minor, description,
       CAST(metadata AS TEXT), version, correlation_id, created_at, failure_code,
       processor_reference, exchanged, fee_refunded_minor
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_refunds_oldest
-- A page of refunds between two positions, oldest first.
-- path: refunds_pkey
SELECT merchant_id, id, payment_id, status, currency, amount_minor, description,
       CAST(metadata AS TEXT), version, correlation_id, created_at, failure_code,
       processor_reference, exchanged, fee_refunded_minor
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_refunds_newest_of_payment
-- A page of a payment's refunds, newest first.
-- path: refunds_by_payment, backwards
SELECT merchant_id, id, payment_id, status, currency, amount_minor, description,
       CAST(metadata AS TEXT), version, correlation_id, created_at, failure_code,
       processor_reference, exchanged, fee_refunded_minor
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND payment_id = :payment_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_refunds_oldest_of_payment
-- A page of a payment's refunds, oldest first.
-- path: refunds_by_payment
SELECT merchant_id, id, payment_id, status, currency, amount_minor, description,
       CAST(metadata AS TEXT), version, correlation_id, created_at, failure_code,
       processor_reference, exchanged, fee_refunded_minor
  FROM refunds
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND payment_id = :payment_id
   AND id < :before
   AND id > :after
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);
