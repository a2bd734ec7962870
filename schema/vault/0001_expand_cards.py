"""The vault: its keys, the cards under them, and who used them."""

from schema.statements import run

revision = "0001_expand_cards"
down_revision = None
branch_labels = None
depends_on = None

UP = """
-- A key of the vault, wrapped by a master key that is in no database. Written at the first start
-- and by rotation. A `card` key encrypts cards; the `fingerprint` key tells equal cards apart.
CREATE TABLE vault_keys (
    id         UUID        NOT NULL,
    purpose    TEXT        NOT NULL,
    state      TEXT        NOT NULL,
    wrapped    BYTEA       NOT NULL,
    wrapped_by TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT vault_keys_pkey PRIMARY KEY (id),
    CONSTRAINT vault_keys_purpose_known CHECK (purpose IN ('card', 'fingerprint')),
    CONSTRAINT vault_keys_state_known CHECK (state IN ('active', 'retiring'))
);

-- One key of a purpose is for new cards; the others leave as soon as no card needs them.
CREATE UNIQUE INDEX vault_keys_one_active ON vault_keys (purpose) WHERE state = 'active';

-- A card under its token. Written by POST /tokens, and by rotation under another key. Number and
-- name are in `sealed` (nonce and AES-256-GCM ciphertext); what is beside it may be shown.
CREATE TABLE cards (
    id          UUID        NOT NULL,
    merchant_id UUID        NOT NULL,
    key_id      UUID        NOT NULL,
    sealed      BYTEA       NOT NULL,
    fingerprint BYTEA       NOT NULL,
    brand       TEXT        NOT NULL,
    bin         TEXT        NOT NULL,
    last4       TEXT        NOT NULL,
    exp_month   INT8        NOT NULL,
    exp_year    INT8        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT cards_pkey PRIMARY KEY (id),
    CONSTRAINT cards_key_exists FOREIGN KEY (key_id) REFERENCES vault_keys (id),
    CONSTRAINT cards_bin_short CHECK (length(bin) = 6),
    CONSTRAINT cards_last4_short CHECK (length(last4) = 4),
    CONSTRAINT cards_exp_month_range CHECK (exp_month BETWEEN 1 AND 12)
);

CREATE INDEX cards_by_key ON cards (key_id, id);

-- A use of a card: who made the vault do what with it, and for which request. Only ever inserted.
CREATE TABLE card_uses (
    card_id        UUID        NOT NULL,
    id             UUID        NOT NULL,
    merchant_id    UUID        NOT NULL,
    actor          TEXT        NOT NULL,
    action         TEXT        NOT NULL,
    destination    TEXT        NOT NULL,
    correlation_id TEXT        NOT NULL,
    used_at        TIMESTAMPTZ NOT NULL,
    CONSTRAINT card_uses_pkey PRIMARY KEY (card_id, id),
    CONSTRAINT card_uses_actor_known CHECK (actor IN ('client', 'api', 'processors')),
    CONSTRAINT card_uses_action_known CHECK (action IN ('tokenize', 'describe', 'forward'))
);
"""


def upgrade() -> None:
    """Create the tables."""
    run(UP)
