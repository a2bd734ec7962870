-- The sandbox's own file. Its schema has no migrations: after a change delete the file, and with it
-- test data.

-- The records, one row each; `body` is the record as it is answered.
CREATE TABLE IF NOT EXISTS objects (
    id          INTEGER PRIMARY KEY, -- grows over all kinds: the order in which they came
    kind        TEXT NOT NULL,
    reference   TEXT NOT NULL,
    merchant    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,       -- of the request that made it, keyed, because of card numbers
    body        TEXT NOT NULL,
    UNIQUE (kind, reference)
) STRICT;
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, id);
CREATE INDEX IF NOT EXISTS objects_by_merchant ON objects (kind, merchant, id);

-- Money that moved: the lines of the settlement files.
CREATE TABLE IF NOT EXISTS movements (
    id             INTEGER PRIMARY KEY,
    settled_on     TEXT NOT NULL,
    booked_at      TEXT NOT NULL,
    kind           TEXT NOT NULL,
    reference      TEXT NOT NULL,
    authorization  TEXT,
    merchant       TEXT NOT NULL,
    currency       TEXT NOT NULL,
    gross_minor    INTEGER NOT NULL,
    fee_minor      INTEGER NOT NULL CHECK (fee_minor >= 0),
    reported_minor INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS movements_by_day ON movements (settled_on, currency, id);

-- Their sums, kept by the transactions that add movements: a day's balances need not read them all.
CREATE TABLE IF NOT EXISTS days (
    settled_on     TEXT NOT NULL,
    currency       TEXT NOT NULL,
    count          INTEGER NOT NULL,
    gross_minor    INTEGER NOT NULL,
    fee_minor      INTEGER NOT NULL,
    reported_minor INTEGER NOT NULL,
    PRIMARY KEY (settled_on, currency)
) STRICT, WITHOUT ROWID;

-- Notifications to Suya. `due_at` is null once one was delivered or given up.
CREATE TABLE IF NOT EXISTS notifications (
    id           INTEGER PRIMARY KEY,
    webhook_id   TEXT NOT NULL,
    payload      TEXT NOT NULL,
    copies       INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER,             -- milliseconds since 1970, by the wall's clock
    delivered_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (due_at, id) WHERE due_at IS NOT NULL;

-- Timers: what happens by itself, by the sandbox's clock.
CREATE TABLE IF NOT EXISTS timers (
    id        INTEGER PRIMARY KEY,
    due_at    INTEGER NOT NULL,       -- microseconds since 1970
    name      TEXT NOT NULL,
    reference TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS timers_due ON timers (due_at, id);

-- The clock, the key of the fingerprints, the tag in the ids.
CREATE TABLE IF NOT EXISTS variables (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
