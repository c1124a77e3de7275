-- +goose Up

-- Times are microseconds since 1970.

-- The next free order id, in one row. See order.FirstID.
CREATE TABLE order_ids (
    only_row integer PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    next integer NOT NULL
);
INSERT INTO order_ids (next) VALUES (0);

CREATE TABLE orders (
    order_id integer PRIMARY KEY,
    user_id integer NOT NULL,
    created_at integer NOT NULL,
    event_id blob NOT NULL,
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'RESERVED', 'REJECTED', 'FAILED')),
    items text NOT NULL,       -- JSON: [{"sku": ..., "qty": ...}]
    trace_parent text,         -- of the request that placed it
    outcomes text              -- JSON: what happened after it was placed; always read and written as a whole
) STRICT;
CREATE INDEX orders_by_user ON orders (user_id, order_id);
-- Nearly all orders become RESERVED: a list of these needs no index.
CREATE INDEX orders_by_status ON orders (status, order_id) WHERE status <> 'RESERVED';

-- One row a group of orders inserted together. It is deleted once all of its orders are answered.
CREATE TABLE order_publications (
    publication_id integer PRIMARY KEY,
    order_ids text NOT NULL,               -- JSON: a list of numbers
    created_at integer NOT NULL,
    attempts integer NOT NULL DEFAULT 0,   -- how often it was published
    due_at integer NOT NULL                -- when it may be claimed: for the first time or again
) STRICT;
CREATE INDEX order_publications_unpublished ON order_publications (publication_id) WHERE attempts = 0;
CREATE INDEX order_publications_unanswered ON order_publications (due_at) WHERE attempts > 0;

-- Idempotency keys by their SHA-256, kept for a day.
CREATE TABLE order_keys (
    key_hash blob PRIMARY KEY,
    fingerprint blob NOT NULL,
    order_id integer NOT NULL,
    created_at integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX order_keys_by_age ON order_keys (created_at);

-- +goose Down
DROP TABLE order_keys;
DROP TABLE order_publications;
DROP TABLE orders;
DROP TABLE order_ids;
