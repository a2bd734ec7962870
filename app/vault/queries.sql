-- Statements of the package `vault`, on the vault's own database.

-- name: list_keys
-- The vault's keys, a handful, oldest first.
-- path: vault_keys_pkey
SELECT id, purpose, state, wrapped, wrapped_by
  FROM vault_keys
 WHERE id > :after
 ORDER BY id
 LIMIT 1000;

-- name: find_active_key
-- The key that new cards are sealed with.
-- path: vault_keys_one_active
SELECT id, purpose, state, wrapped, wrapped_by
  FROM vault_keys
 WHERE purpose = 'card'
   AND state = 'active';

-- name: insert_key
-- Keep a new key of a purpose that has no active one.
-- path: vault_keys_pkey, vault_keys_one_active
INSERT INTO vault_keys (id, purpose, state, wrapped, wrapped_by, created_at)
VALUES (CAST(:id AS UUID), :purpose, 'active', CAST(:wrapped AS BYTEA), :wrapped_by,
        CAST(:created_at AS TIMESTAMPTZ));

-- name: retire_key
-- Stop using the active key of cards for new ones.
-- path: vault_keys_one_active
UPDATE vault_keys
   SET state = 'retiring'
 WHERE purpose = 'card'
   AND state = 'active';

-- name: rewrap_key
-- Store a key as another master key wrapped it, unless another rotation did.
-- path: vault_keys_pkey
UPDATE vault_keys
   SET wrapped = CAST(:wrapped AS BYTEA),
       wrapped_by = :wrapped_by
 WHERE id = :id
   AND wrapped_by = :wrapped_by_before;

-- name: delete_key
-- Delete a key that no card needs.
-- path: vault_keys_pkey, cards_by_key
DELETE FROM vault_keys
 WHERE id = :id
   AND state = 'retiring'
   AND NOT EXISTS (SELECT 1 FROM cards AS c WHERE c.key_id = vault_keys.id);

-- name: insert_cards
-- Keep sealed cards; one that an earlier attempt kept is not changed.
-- path: cards_pkey
INSERT INTO cards
       (id, merchant_id, key_id, sealed, fingerprint, brand, bin, last4, exp_month, exp_year,
        created_at, mode)
SELECT d.id, d.merchant_id, CAST(:key_id AS UUID), decode(d.sealed, 'hex'),
       decode(d.fingerprint, 'hex'), d.brand, d.bin, d.last4, d.exp_month, d.exp_year, d.created_at,
       d.mode
  FROM unnest(CAST(:ids AS UUID[]), CAST(:merchant_ids AS UUID[]), CAST(:sealed AS TEXT[]),
              CAST(:fingerprints AS TEXT[]), CAST(:brands AS TEXT[]), CAST(:bins AS TEXT[]),
              CAST(:lasts AS TEXT[]), CAST(:exp_months AS INT8[]), CAST(:exp_years AS INT8[]),
              CAST(:created_ats AS TIMESTAMPTZ[]), CAST(:modes AS TEXT[]))
       AS d (id, merchant_id, sealed, fingerprint, brand, bin, last4, exp_month, exp_year,
             created_at, mode)
    ON CONFLICT (id) DO NOTHING;

-- name: find_cards
-- Cards with the keys that open them, as of one moment, also during a rotation.
-- path: cards_pkey, vault_keys_pkey, for each card asked for
SELECT c.id, c.merchant_id, c.key_id, c.sealed, c.fingerprint, c.brand, c.bin, c.last4,
       c.exp_month, c.exp_year, c.created_at, c.mode, k.wrapped, k.wrapped_by
  FROM unnest(CAST(:ids AS UUID[])) AS d (id)
  JOIN cards AS c
    ON c.id = d.id
  JOIN vault_keys AS k
    ON k.id = c.key_id;

-- name: list_same_cards
-- A merchant's other tokens of one card, the newest first.
-- path: cards_by_fingerprint, backwards
SELECT id
  FROM cards
 WHERE merchant_id = :merchant_id
   AND fingerprint = CAST(:fingerprint AS BYTEA)
   AND id <> :id
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: lock_cards_of_key
-- The next cards of a key, locked in id order.
-- path: cards_by_key, then one look-up per row
SELECT id, merchant_id, sealed
  FROM cards
 WHERE key_id = :key_id
 ORDER BY id
 LIMIT CAST(:page_size AS INT8)
   FOR UPDATE;

-- name: reseal_cards
-- Keep cards sealed with another key.
-- path: cards_pkey, for each card of the page
UPDATE cards AS c
   SET key_id = CAST(:key_id AS UUID),
       sealed = decode(d.sealed, 'hex')
  FROM unnest(CAST(:ids AS UUID[]), CAST(:sealed AS TEXT[])) AS d (id, sealed)
 WHERE c.id = d.id
   AND c.key_id = CAST(:key_id_before AS UUID);

-- name: insert_uses
-- Record uses of cards; one that an earlier attempt recorded is not changed.
-- path: card_uses_pkey
INSERT INTO card_uses
       (card_id, id, merchant_id, actor, action, destination, correlation_id, used_at)
SELECT d.card_id, d.id, d.merchant_id, d.actor, d.action, d.destination, d.correlation_id,
       d.used_at
  FROM unnest(CAST(:card_ids AS UUID[]), CAST(:ids AS UUID[]), CAST(:merchant_ids AS UUID[]),
              CAST(:actors AS TEXT[]), CAST(:actions AS TEXT[]), CAST(:destinations AS TEXT[]),
              CAST(:correlation_ids AS TEXT[]), CAST(:used_ats AS TIMESTAMPTZ[]))
       AS d (card_id, id, merchant_id, actor, action, destination, correlation_id, used_at)
    ON CONFLICT (card_id, id) DO NOTHING;

-- name: find_generations
-- The lowest good generations of some merchants' publishable keys.
-- path: key_generations_pkey, for each merchant asked for
SELECT g.merchant_id, g.lowest
  FROM unnest(CAST(:merchant_ids AS UUID[])) AS d (merchant_id)
  JOIN key_generations AS g
    ON g.merchant_id = d.merchant_id;

-- name: raise_generation
-- Say from which generation on a merchant's publishable keys are good; it never sinks.
-- path: key_generations_pkey
INSERT INTO key_generations (merchant_id, lowest, updated_at)
VALUES (CAST(:merchant_id AS UUID), CAST(:lowest AS INT8), CAST(:updated_at AS TIMESTAMPTZ))
    ON CONFLICT (merchant_id) DO UPDATE
   SET lowest = GREATEST(key_generations.lowest, excluded.lowest),
       updated_at = excluded.updated_at;
