-- +goose Up

CREATE TABLE stock (
    sku      TEXT PRIMARY KEY,
    on_hand  INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    CONSTRAINT stock_never_oversold CHECK (reserved >= 0 AND reserved <= on_hand)
) STRICT, WITHOUT ROWID;

CREATE TABLE stock_movements (
    id       INTEGER PRIMARY KEY,
    moved_at INTEGER NOT NULL, -- microseconds since 1970, as every time here
    sku      TEXT NOT NULL,
    delta    INTEGER NOT NULL,
    on_hand  INTEGER NOT NULL, -- after it
    reason   TEXT              -- of an adjustment; null: counted anew
) STRICT;
CREATE INDEX stock_movements_sku ON stock_movements (sku, id);

CREATE TABLE stock_adjustment_keys (
    key         TEXT PRIMARY KEY,
    used_at     INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    on_hand     INTEGER NOT NULL, -- the answer
    reserved    INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_adjustment_keys_used_at ON stock_adjustment_keys (used_at);

-- One outcome an order.
CREATE TABLE reservations (
    order_id    INTEGER PRIMARY KEY,
    decided_at  INTEGER NOT NULL,
    fingerprint BLOB NOT NULL, -- of user and items
    items       TEXT NOT NULL, -- {"sku": quantity, ...}
    reason      TEXT,          -- null: RESERVED
    lacking     TEXT           -- {"sku": what was available, null when unknown, ...}
) STRICT;

-- +goose Down
DROP TABLE reservations;
DROP TABLE stock_adjustment_keys;
DROP TABLE stock_movements;
DROP TABLE stock;
