-- Statements of the package `verify`. Paged ones begin each row with its position. Their ORDER BY
-- names the table of a column, because the bare name would be the text that is selected.

-- name: find_next_region
-- The first region after another that any table has rows of.
-- path: the primary key of each table, one look-up each
SELECT min(r.region)
  FROM ((SELECT region FROM accounts WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM transfers WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM entries WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM holds WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM journal_blocks WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM payments WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM payment_labels WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM refunds WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM disputes WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM dispute_evidence WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM payouts WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM bank_accounts WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM sagas WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM events WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM sagas WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM customers WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM payment_methods WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM fx_quotes WHERE region > :after ORDER BY region LIMIT 1)
        UNION ALL
        (SELECT region FROM idempotency_keys WHERE region > :after ORDER BY region LIMIT 1)) AS r;

-- name: count_accounts
-- How many rows will be read.
-- full scan: every row is read afterwards anyway
SELECT count(*) FROM accounts WHERE region = :region;

-- name: count_transfers
-- As above.
-- full scan: as above
SELECT count(*) FROM transfers WHERE region = :region;

-- name: count_holds
-- As above.
-- full scan: as above
SELECT count(*) FROM holds WHERE region = :region;

-- name: count_payments
-- As above.
-- full scan: as above
SELECT count(*) FROM payments WHERE region = :region;

-- name: count_quotes
-- As above.
-- full scan: as above
SELECT count(*) FROM fx_quotes WHERE region = :region;

-- name: count_events
-- As above.
-- full scan: as above
SELECT count(*) FROM events WHERE region = :region;

-- name: count_blocks
-- As above.
-- full scan: as above
SELECT count(*) FROM journal_blocks WHERE region = :region;

-- name: count_answers
-- As above.
-- full scan: as above
SELECT count(*) FROM idempotency_keys WHERE region = :region;

-- name: list_accounts
-- The next accounts with their sums.
-- path: accounts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.currency, t.normal_side, t.floor_minor,
       t.posted_debits_minor, t.posted_credits_minor, t.pending_debits_minor,
       t.pending_credits_minor, t.version
  FROM accounts AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_entries
-- The next entries, each account's in the order of its timeline.
-- path: entries_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.account_id AS TEXT), CAST(t.booked_at AS TEXT),
       t.version, CAST(t.transfer_id AS TEXT), t.direction, t.posted_minor, t.pending_minor,
       t.posted_debits_minor, t.posted_credits_minor, t.pending_debits_minor,
       t.pending_credits_minor
  FROM entries AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.account_id, t.booked_at, t.version)
       > (CAST(:after_merchant_id AS UUID), CAST(:after_account_id AS UUID),
          CAST(:after_at AS TIMESTAMPTZ), CAST(:after_version AS INT8))
 ORDER BY t.merchant_id, t.account_id, t.booked_at, t.version
 LIMIT CAST(:page_size AS INT8);

-- name: list_transfers
-- The next transfers with their lines and the block they name.
-- path: transfers_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.entries, CAST(t.block_writer AS TEXT),
       t.block_sequence, CAST(t.booked_at AS TEXT)
  FROM transfers AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: find_currencies
-- The currencies of some accounts.
-- path: accounts_pkey, one look-up per account
SELECT CAST(a.id AS TEXT), a.currency
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN accounts AS a
    ON a.region = :region
   AND a.merchant_id = d.merchant_id
   AND a.id = d.id;

-- name: find_modes
-- Test or live, of some merchants.
-- path: merchants_pkey, one look-up per merchant
SELECT CAST(m.id AS TEXT), m.mode
  FROM unnest(CAST(:ids AS UUID[])) AS d (id)
  JOIN merchants AS m
    ON m.id = d.id;

-- name: find_conversions
-- The purposes and the lines of some transfers.
-- path: transfers_pkey, one look-up per transfer
SELECT CAST(t.id AS TEXT), t.purpose, t.entries
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN transfers AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id;

-- name: find_exchanges
-- The amounts that some payments convert, and their quotes.
-- path: payments_pkey, one look-up per payment
SELECT CAST(p.id AS TEXT), p.exchange
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN payments AS p
    ON p.region = :region
   AND p.merchant_id = d.merchant_id
   AND p.id = d.id;

-- name: list_holds
-- The next holds with what is left of them, and the hold that the payment of each names.
-- path: holds_pkey, from a position; payments_pkey, one look-up per hold
SELECT CAST(h.merchant_id AS TEXT), CAST(h.id AS TEXT), CAST(h.payment_id AS TEXT),
       CAST(h.debit_account_id AS TEXT), CAST(h.credit_account_id AS TEXT),
       CAST(p.hold_id AS TEXT),
       CASE WHEN h.status = 'open' THEN h.amount_minor - h.posted_minor ELSE 0 END
  FROM holds AS h
  LEFT JOIN payments AS p
    ON p.region = :region
   AND p.merchant_id = h.merchant_id
   AND p.id = h.payment_id
 WHERE h.region = :region
   AND (h.merchant_id, h.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY h.merchant_id, h.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_payments
-- The next payments with their amounts and holds.
-- path: payments_pkey, from a position; holds_pkey, one look-up per payment with a hold
SELECT CAST(p.merchant_id AS TEXT), CAST(p.id AS TEXT), p.status, CAST(p.account_id AS TEXT),
       p.currency, p.amount_minor, p.amount_captured_minor, p.amount_refunded_minor, p.fee_minor,
       CAST(p.hold_id AS TEXT), h.status, CAST(h.debit_account_id AS TEXT), h.amount_minor,
       h.posted_minor, p.fee_refunded_minor, p.exchange, p.disputed, p.method
  FROM payments AS p
  LEFT JOIN holds AS h
    ON h.region = :region
   AND h.merchant_id = p.merchant_id
   AND h.id = p.hold_id
 WHERE p.region = :region
   AND (p.merchant_id, p.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY p.merchant_id, p.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_payment_transfers
-- The next transfers for payments, in the order of the payments.
-- path: transfers_by_payment, from a position; holds_pkey, one look-up per transfer of a hold
SELECT CAST(t.merchant_id AS TEXT), CAST(t.payment_id AS TEXT), CAST(t.id AS TEXT), t.kind,
       t.purpose, CAST(t.hold_id AS TEXT), t.entries, t.booked_at > h.expires_at
  FROM transfers AS t
  LEFT JOIN holds AS h
    ON h.region = :region
   AND h.merchant_id = t.merchant_id
   AND h.id = t.hold_id
 WHERE t.region = :region
   AND t.payment_id IS NOT NULL
   AND (t.merchant_id, t.payment_id, t.id)
       > (CAST(:after_merchant_id AS UUID), CAST(:after_payment_id AS UUID),
          CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.payment_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_payment_refunds
-- The next refunds, in the order of their payments.
-- path: refunds_by_payment, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.payment_id AS TEXT), CAST(t.id AS TEXT), t.status,
       t.currency, t.amount_minor
  FROM refunds AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.payment_id, t.id)
       > (CAST(:after_merchant_id AS UUID), CAST(:after_payment_id AS UUID),
          CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.payment_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_events
-- The next events, in the order of their objects.
-- path: events_object_sequence_unique, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.object_id AS TEXT), t.sequence, CAST(t.id AS TEXT),
       t.type, t.data
  FROM events AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.object_id, t.sequence)
       > (CAST(:after_merchant_id AS UUID), CAST(:after_object_id AS UUID),
          CAST(:after_sequence AS INT8))
 ORDER BY t.merchant_id, t.object_id, t.sequence
 LIMIT CAST(:page_size AS INT8);

-- name: list_payment_states
-- The next payments with all their fields, after their position.
-- path: payments_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM payments AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_refund_states
-- The next refunds with all their fields, after their position.
-- path: refunds_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM refunds AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_wallet_states
-- The next customers' wallets with all their fields, after their position; other accounts have no
-- events.
-- path: accounts_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*, t.description,
       CAST(t.metadata AS TEXT), t.created_at
  FROM accounts AS t
 WHERE t.region = :region
   AND t.kind = 'customer_wallet'
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_transfer_states
-- The next transfers, conversions and deposits by request of clients, with all their fields, after
-- their position.
-- path: transfers_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM transfers AS t
 WHERE t.region = :region
   AND t.purpose IN ('transfer', 'conversion', 'deposit')
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_quote_states
-- The next quotes with all their fields, after their position.
-- path: fx_quotes_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.*
  FROM fx_quotes AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: list_blocks
-- The next journal blocks, each writer's in order, with how many transfers they list.
-- path: journal_blocks_pkey, from a position
SELECT CAST(t.writer AS TEXT), t.sequence, t.previous_hash, t.root, t.hash, t.created_at,
       COALESCE(array_length(t.transfer_ids, 1), 0)
  FROM journal_blocks AS t
 WHERE t.region = :region
   AND (t.writer, t.sequence) > (CAST(:after_writer AS UUID), CAST(:after_sequence AS INT8))
 ORDER BY t.writer, t.sequence
 LIMIT CAST(:page_size AS INT8);

-- name: list_block_members
-- The transfers that some blocks of one writer list.
-- path: journal_blocks_pkey, a range of one writer
SELECT t.sequence, CAST(t.merchant_ids AS TEXT[]), CAST(t.transfer_ids AS TEXT[])
  FROM journal_blocks AS t
 WHERE t.region = :region
   AND t.writer = CAST(:writer AS UUID)
   AND t.sequence BETWEEN CAST(:first AS INT8) AND CAST(:last AS INT8)
 ORDER BY t.sequence;

-- name: list_transfers_among
-- Some transfers with what their leaf of the journal hashes, and the block they name.
-- path: transfers_pkey, one look-up per transfer
SELECT CAST(t.id AS TEXT), CAST(t.block_writer AS TEXT), t.block_sequence, t.merchant_id, t.id,
       t.kind, t.purpose, t.payment_id, t.hold_id, t.entries, t.description, t.correlation_id,
       t.booked_at
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  JOIN transfers AS t
    ON t.region = :region
   AND t.merchant_id = d.merchant_id
   AND t.id = d.id;

-- name: list_answers
-- The next kept answers.
-- path: idempotency_keys_pkey, from a position
SELECT CAST(t.merchant_id AS TEXT), CAST(t.id AS TEXT), t.key, t.status, t.body
  FROM idempotency_keys AS t
 WHERE t.region = :region
   AND (t.merchant_id, t.id) > (CAST(:after_merchant_id AS UUID), CAST(:after_id AS UUID))
 ORDER BY t.merchant_id, t.id
 LIMIT CAST(:page_size AS INT8);

-- name: find_missing_accounts
-- The ids, out of some accounts, that do not exist.
-- path: accounts_pkey, one look-up per account
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN accounts AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;

-- name: find_missing_payments
-- The ids, out of some payments, that do not exist.
-- path: payments_pkey, one look-up per payment
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN payments AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;

-- name: find_missing_quotes
-- The ids, out of some quotes, that do not exist.
-- path: fx_quotes_pkey, one look-up per quote
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN fx_quotes AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;

-- name: find_missing_refunds
-- The ids, out of some refunds, that do not exist.
-- path: refunds_pkey, one look-up per refund
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN refunds AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;

-- name: find_missing_transfers
-- The ids, out of some transfers, that do not exist.
-- path: transfers_pkey, one look-up per transfer
SELECT CAST(d.merchant_id AS TEXT), CAST(d.id AS TEXT)
  FROM unnest(CAST(:merchant_ids AS UUID[]), CAST(:ids AS UUID[])) AS d (merchant_id, id)
  LEFT JOIN transfers AS o
    ON o.region = :region
   AND o.merchant_id = d.merchant_id
   AND o.id = d.id
 WHERE o.id IS NULL;
