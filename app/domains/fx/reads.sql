-- Statements of `fx` that only read, for `reads.py`.

-- name: find_quote
-- One quote.
-- path: fx_quotes_pkey
SELECT *
  FROM fx_quotes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_quotes
-- A page of quotes from a position down.
-- path: fx_quotes_pkey, from a position
-- both ways
SELECT *
  FROM fx_quotes
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id > CAST(:after AS UUID)
   AND id < CAST(:before AS UUID)
 ORDER BY id DESC
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
