-- +goose Up

-- The next free order id, in one row. See order.FirstID.
CREATE TABLE order_ids (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    next bigint NOT NULL
);
INSERT INTO order_ids (next) VALUES (0);

-- One row an order, written once by POST and once by each report. Eight columns: with a ninth, the bitmap of nulls would
-- make every row 8 bytes longer.
CREATE TABLE orders (
    order_id bigint PRIMARY KEY,
    user_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'RESERVED', 'REJECTED', 'FAILED')),
    items text NOT NULL,       -- JSON: [{"sku": ..., "qty": ...}]
    trace_parent text,         -- of the request that placed it
    outcomes text              -- JSON: what happened after it was placed; always read and written as a whole
);
CREATE INDEX orders_by_user ON orders (user_id, order_id);
-- Nearly all orders become RESERVED: a list of these needs no index.
CREATE INDEX orders_by_status ON orders (status, order_id) WHERE status <> 'RESERVED';

-- One row a group of orders inserted together, so that publishing costs a write a group instead of one an order. A row is
-- deleted once all of its orders are answered.
CREATE TABLE order_publications (
    publication_id bigint PRIMARY KEY,
    order_ids bigint[] NOT NULL,
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,   -- how often it was published
    due_at timestamptz NOT NULL            -- when it may be claimed: for the first time or again
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX order_publications_unpublished ON order_publications (publication_id) WHERE attempts = 0;
CREATE INDEX order_publications_unanswered ON order_publications (due_at) WHERE attempts > 0;

-- Idempotency keys by their SHA-256, kept for a day.
CREATE TABLE order_keys (
    key_hash bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    order_id bigint NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX order_keys_by_age ON order_keys (created_at);

-- +goose Down
DROP TABLE order_keys, order_publications, orders, order_ids;
