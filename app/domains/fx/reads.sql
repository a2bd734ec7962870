-- Statements of `fx` that only read, for `reads.py`.

-- name: find_quote
-- One quote.
-- path: fx_quotes_pkey
SELECT merchant_id, id, source_currency, target_currency, side, source_minor, gross_minor,
       target_minor, spread_minor, reference_rate, spread_bps, rate_source, rate_day, status,
       transfer_id, payment_id, CAST(metadata AS TEXT), version, correlation_id, created_at,
       expires_at
  FROM fx_quotes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_quotes_newest
-- A page of quotes from a position down.
-- path: fx_quotes_pkey, from a position
SELECT merchant_id, id, source_currency, target_currency, side, source_minor, gross_minor,
       target_minor, spread_minor, reference_rate, spread_bps, rate_source, rate_day, status,
       transfer_id, payment_id, CAST(metadata AS TEXT), version, correlation_id, created_at,
       expires_at
  FROM fx_quotes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after AS UUID)
   AND id < CAST(:before AS UUID)
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_quotes_oldest
-- A page of quotes from a position up.
-- path: fx_quotes_pkey, from a position
SELECT merchant_id, id, source_currency, target_currency, side, source_minor, gross_minor,
       target_minor, spread_minor, reference_rate, spread_bps, rate_source, rate_day, status,
       transfer_id, payment_id, CAST(metadata AS TEXT), version, correlation_id, created_at,
       expires_at
  FROM fx_quotes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after AS UUID)
   AND id < CAST(:before AS UUID)
 ORDER BY id
 LIMIT CAST(:page_size AS INT8);

-- name: list_latest_rates
-- The rates of a source's newest day.
-- path: fx_rates_pkey, its end
SELECT r.day, r.currency, r.rate
  FROM fx_rates AS r
 WHERE r.source = :source
   AND r.day = (SELECT max(newest.day)
                  FROM fx_rates AS newest
                 WHERE newest.source = :source)
 ORDER BY r.currency;
