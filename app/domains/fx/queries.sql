-- Statements of the package `fx`.

-- name: lock_quotes
-- Lock a batch's quotes in id order, so that each is used once.
-- path: fx_quotes_pkey (region, merchant_id, id), one look-up per quote
SELECT q.*
  FROM unnest(:fx_quotes) AS d (region, merchant_id, id)
  JOIN fx_quotes AS q
    ON q.region = d.region
   AND q.merchant_id = d.merchant_id
   AND q.id = d.id
 ORDER BY q.merchant_id, q.id
   FOR UPDATE OF q;

-- name: insert_quotes
-- Record quotes.
-- path: fx_quotes_pkey
INSERT INTO fx_quotes
       (region, merchant_id, id, source_currency, target_currency, side, source_minor, gross_minor,
        target_minor, spread_minor, reference_rate, spread_bps, rate_source, rate_day, status,
        transfer_id, payment_id, metadata, version, correlation_id, created_at, expires_at)
SELECT :region, d.merchant_id, d.id, d.source_currency, d.target_currency, d.side, d.source_minor,
       d.gross_minor, d.target_minor, d.spread_minor, d.reference_rate, d.spread_bps,
       d.rate_source, d.rate_day, 'open', NULL, NULL, CAST(d.metadata AS JSONB), 1,
       d.correlation_id, d.created_at, d.expires_at
  FROM unnest(:fx_quotes)
       AS d (merchant_id, id, source_currency, target_currency, side, source_minor, gross_minor,
             target_minor, spread_minor, reference_rate, spread_bps, rate_source, rate_day,
             metadata, correlation_id, created_at, expires_at);

-- name: update_quotes
-- Write by what quotes were used.
-- path: fx_quotes_pkey, one look-up per quote
UPDATE fx_quotes AS q
   SET status = d.status,
       transfer_id = d.transfer_id,
       payment_id = d.payment_id,
       version = d.version
  FROM unnest(:fx_quotes) AS d (region, merchant_id, id, status, transfer_id, payment_id, version)
 WHERE q.region = d.region
   AND q.merchant_id = d.merchant_id
   AND q.id = d.id;

-- name: pull_quotes
-- Bring some quotes home from their merchants' former regions.
-- path: fx_quotes_pkey (region, merchant_id, id), one look-up per quote
UPDATE fx_quotes AS q
   SET region = :region
  FROM unnest(:fx_quotes) AS d (former_region, merchant_id, id)
 WHERE q.region = d.former_region
   AND q.merchant_id = d.merchant_id
   AND q.id = d.id
RETURNING q.merchant_id, q.id;

-- name: upsert_rates
-- Keep some rates of a source; those of a day that is known already are replaced.
-- path: fx_rates_pkey
INSERT INTO fx_rates (source, day, currency, rate, imported_at)
SELECT :source, d.day, d.currency, d.rate, CAST(:now AS TIMESTAMPTZ)
  FROM unnest(CAST(:days AS DATE[]), CAST(:currencies AS TEXT[]), CAST(:rates AS DECIMAL[]))
       AS d (day, currency, rate)
    ON CONFLICT (source, day, currency)
    DO UPDATE SET rate = excluded.rate, imported_at = excluded.imported_at;
