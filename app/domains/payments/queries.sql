-- Statements of the package `payments`.

-- name: lock_payments
-- Lock a batch's payments in id order.
-- path: payments_pkey (region, merchant_id, id), one look-up per payment
SELECT p.*
  FROM unnest(:payments) AS d (region, merchant_id, id)
  JOIN payments AS p
    ON p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id
 ORDER BY p.merchant_id, p.id
   FOR UPDATE OF p;

-- name: insert_payments
-- Record new payments.
-- path: payments_pkey, payments_by_customer, payments_by_status
INSERT INTO payments
       (region, merchant_id, id, status, method, capture, account_id, customer, currency,
        amount_minor, amount_captured_minor, amount_refunded_minor, fee_minor, fee_bps,
        fee_fixed_minor, disputed, hold_id, description, metadata, version, correlation_id,
        created_at, updated_at, expires_at, rail, operation_id, fee_plan, fee_refunded_minor,
        exchange)
SELECT :region, d.merchant_id, d.id, d.status, d.method, d.capture, d.account_id, d.customer,
       d.currency, d.amount_minor, d.amount_captured_minor, 0, d.fee_minor, d.fee_bps,
       d.fee_fixed_minor, FALSE, d.hold_id, d.description, CAST(d.metadata AS JSONB), 1,
       d.correlation_id, CAST(:now AS TIMESTAMPTZ), CAST(:now AS TIMESTAMPTZ), d.expires_at,
       d.rail, d.operation_id, d.fee_plan, 0, d.exchange
  FROM unnest(:payments)
       AS d (merchant_id, id, status, method, capture, account_id, customer, currency,
             amount_minor, amount_captured_minor, fee_minor, fee_bps, fee_fixed_minor, hold_id,
             description, metadata, correlation_id, expires_at, rail, operation_id, fee_plan,
             exchange);

-- name: update_payments
-- Write how far payments have come.
-- path: payments_pkey, one look-up per payment
UPDATE payments AS p
   SET status = d.status,
       amount_captured_minor = d.amount_captured_minor,
       amount_refunded_minor = d.amount_refunded_minor,
       fee_minor = d.fee_minor,
       fee_refunded_minor = d.fee_refunded_minor,
       version = d.version,
       updated_at = d.updated_at,
       expires_at = d.expires_at,
       disputed = d.disputed,
       rail = d.rail,
       operation_id = d.operation_id,
       exchange = d.exchange
  FROM unnest(:payments)
       AS d (region, merchant_id, id, status, amount_captured_minor, amount_refunded_minor,
             fee_minor, fee_refunded_minor, version, updated_at, expires_at, disputed, rail,
             operation_id, exchange)
 WHERE p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id;

-- name: insert_labels
-- Record pairs of metadata, by which payments are found.
-- path: payment_labels_pkey
INSERT INTO payment_labels (region, merchant_id, name, value, payment_id)
SELECT :region, d.merchant_id, d.name, d.value, d.payment_id
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:names AS TEXT[]), CAST(:values AS TEXT[]),
              CAST(:payment_ids AS UUID[]))
       AS d (merchant_id, name, value, payment_id);

-- name: insert_refunds
-- Record refunds.
-- path: refunds_pkey, refunds_by_payment
INSERT INTO refunds
       (region, merchant_id, id, payment_id, status, currency, amount_minor, description, metadata,
        version, correlation_id, created_at, exchanged, fee_refunded_minor)
SELECT :region, d.merchant_id, d.id, d.payment_id, d.status, d.currency, d.amount_minor,
       d.description, CAST(d.metadata AS JSONB), 1, d.correlation_id, CAST(:now AS TIMESTAMPTZ),
       d.exchanged, d.fee_refunded_minor
  FROM unnest(:refunds)
       AS d (merchant_id, id, payment_id, status, currency, amount_minor, description, metadata,
             correlation_id, exchanged, fee_refunded_minor);

-- name: pull_payments
-- Bring some payments home from their merchants' former regions; tells the holds to bring too.
-- path: payments_pkey (region, merchant_id, id), one look-up per payment
UPDATE payments AS p
   SET region = :region
  FROM unnest(:payments) AS d (former_region, merchant_id, id)
 WHERE p.region = d.former_region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id
RETURNING p.merchant_id, p.hold_id;

-- name: lock_refunds
-- Lock a batch's refunds in id order.
-- path: refunds_pkey (region, merchant_id, id), one look-up per refund
SELECT r.*
  FROM unnest(:refunds) AS d (region, merchant_id, id)
  JOIN refunds AS r
    ON r.region = d.region
   AND r.merchant_id = d.merchant_id
   AND r.id = d.id
 ORDER BY r.merchant_id, r.id
   FOR UPDATE OF r;

-- name: update_refunds
-- Write how refunds ended.
-- path: refunds_pkey, one look-up per refund
UPDATE refunds AS r
   SET status = d.status,
       version = d.version,
       failure_code = d.failure_code,
       processor_reference = d.processor_reference
  FROM unnest(:refunds)
       AS d (region, merchant_id, id, status, version, failure_code, processor_reference)
 WHERE r.region = d.region
   AND r.merchant_id = d.merchant_id
   AND r.id = d.id;

-- name: pull_refunds
-- Bring some refunds home from their merchants' former regions.
-- path: refunds_pkey (region, merchant_id, id), one look-up per refund
UPDATE refunds AS r
   SET region = :region
  FROM unnest(:refunds) AS d (former_region, merchant_id, id)
 WHERE r.region = d.former_region
   AND r.merchant_id = d.merchant_id
   AND r.id = d.id
RETURNING r.merchant_id, r.id;
