-- Statements of the package `payments`.

-- name: lock_payments
-- Lock a batch's payments in id order.
-- path: payments_pkey (region, merchant_id, id), one look-up per payment
SELECT p.merchant_id, p.id, p.status, p.method, p.capture, p.account_id, p.customer, p.currency,
       p.amount_minor, p.amount_captured_minor, p.amount_refunded_minor, p.fee_minor, p.fee_bps,
       p.fee_fixed_minor, p.disputed, p.hold_id, p.description, CAST(p.metadata AS TEXT),
       p.version, p.correlation_id, p.created_at, p.updated_at, p.expires_at, p.rail,
       p.operation_id, p.fee_plan, p.fee_refunded_minor, p.exchange
  FROM unnest(CAST(:regions AS TEXT[]), CAST(:merchant_ids AS UUID[]),
              CAST(:payment_ids AS UUID[])) AS d (region, merchant_id, id)
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
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[]), CAST(:statuses AS TEXT[]),
              CAST(:methods AS TEXT[]), CAST(:captures AS TEXT[]), CAST(:account_ids AS UUID[]),
              CAST(:customers AS TEXT[]),
              CAST(:currencies AS TEXT[]), CAST(:amounts_minor AS INT8[]),
              CAST(:amounts_captured_minor AS INT8[]), CAST(:fees_minor AS INT8[]),
              CAST(:fees_bps AS INT8[]), CAST(:fees_fixed_minor AS INT8[]),
              CAST(:hold_ids AS UUID[]), CAST(:descriptions AS TEXT[]),
              CAST(:metadatas AS TEXT[]), CAST(:correlation_ids AS TEXT[]),
              CAST(:expires_ats AS TIMESTAMPTZ[]), CAST(:rails AS TEXT[]),
              CAST(:operation_ids AS UUID[]), CAST(:fee_plans AS TEXT[]),
              CAST(:exchanges AS TEXT[]))
       AS d (merchant_id, id, status, method, capture, account_id, customer, currency, amount_minor,
             amount_captured_minor, fee_minor, fee_bps, fee_fixed_minor, hold_id, description,
             metadata, correlation_id, expires_at, rail, operation_id, fee_plan, exchange);

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
  FROM unnest(CAST(:regions AS TEXT[]), CAST(:merchant_ids AS UUID[]),
              CAST(:ids AS UUID[]), CAST(:statuses AS TEXT[]),
              CAST(:amounts_captured_minor AS INT8[]), CAST(:amounts_refunded_minor AS INT8[]),
              CAST(:fees_minor AS INT8[]), CAST(:fees_refunded_minor AS INT8[]),
              CAST(:versions AS INT8[]),
              CAST(:updated_ats AS TIMESTAMPTZ[]), CAST(:expires_ats AS TIMESTAMPTZ[]),
              CAST(:disputed AS BOOL[]),
              CAST(:rails AS TEXT[]), CAST(:operation_ids AS UUID[]),
              CAST(:exchanges AS TEXT[]))
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
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[]), CAST(:payment_ids AS UUID[]),
              CAST(:statuses AS TEXT[]), CAST(:currencies AS TEXT[]),
              CAST(:amounts_minor AS INT8[]), CAST(:descriptions AS TEXT[]),
              CAST(:metadatas AS TEXT[]), CAST(:correlation_ids AS TEXT[]),
              CAST(:exchanged AS TEXT[]), CAST(:fees_refunded_minor AS INT8[]))
       AS d (merchant_id, id, payment_id, status, currency, amount_minor, description, metadata,
             correlation_id, exchanged, fee_refunded_minor);

-- name: pull_payments
-- Bring some payments home from their merchants' former regions; tells the holds to bring too.
-- path: payments_pkey (region, merchant_id, id), one look-up per payment
UPDATE payments AS p
   SET region = :region
  FROM unnest(CAST(:formers AS TEXT[]), CAST(:merchant_ids AS UUID[]),
              CAST(:ids AS UUID[])) AS d (region, merchant_id, id)
 WHERE p.region = d.region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id
RETURNING p.merchant_id, p.hold_id;

-- name: lock_refunds
-- Lock a batch's refunds in id order.
-- path: refunds_pkey (region, merchant_id, id), one look-up per refund
SELECT r.merchant_id, r.id, r.payment_id, r.status, r.currency, r.amount_minor, r.description,
       CAST(r.metadata AS TEXT), r.version, r.correlation_id, r.created_at, r.failure_code,
       r.processor_reference, r.exchanged, r.fee_refunded_minor
  FROM unnest(CAST(:regions AS TEXT[]), CAST(:merchant_ids AS UUID[]),
              CAST(:ids AS UUID[])) AS d (region, merchant_id, id)
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
  FROM unnest(CAST(:regions AS TEXT[]), CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[]),
              CAST(:statuses AS TEXT[]), CAST(:versions AS INT8[]),
              CAST(:failure_codes AS TEXT[]), CAST(:processor_references AS TEXT[]))
       AS d (region, merchant_id, id, status, version, failure_code, processor_reference)
 WHERE r.region = d.region
   AND r.merchant_id = d.merchant_id
   AND r.id = d.id;

-- name: pull_refunds
-- Bring some refunds home from their merchants' former regions.
-- path: refunds_pkey (region, merchant_id, id), one look-up per refund
UPDATE refunds AS r
   SET region = :region
  FROM unnest(CAST(:formers AS TEXT[]), CAST(:merchant_ids AS UUID[]),
              CAST(:ids AS UUID[])) AS d (region, merchant_id, id)
 WHERE r.region = d.region
   AND r.merchant_id = d.merchant_id
   AND r.id = d.id
RETURNING r.merchant_id, r.id;
