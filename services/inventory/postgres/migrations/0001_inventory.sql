-- +goose Up

-- Every batch writes most of these rows again: the room left in each page keeps the new versions beside the old ones,
-- where they need no index entry and the next batch sweeps them up.
CREATE TABLE stock (
    sku      text COLLATE "C" PRIMARY KEY,
    on_hand  bigint NOT NULL,
    reserved bigint NOT NULL,
    version  bigint NOT NULL,
    CONSTRAINT stock_never_oversold CHECK (reserved >= 0 AND reserved <= on_hand)
) WITH (fillfactor = 40);

CREATE TABLE stock_movements (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    moved_at timestamptz NOT NULL,
    sku      text COLLATE "C" NOT NULL,
    delta    bigint NOT NULL,
    on_hand  bigint NOT NULL, -- after it
    reason   text             -- of an adjustment; null: counted anew
);
CREATE INDEX stock_movements_sku ON stock_movements (sku, id);

CREATE TABLE stock_adjustment_keys (
    key         text COLLATE "C" PRIMARY KEY,
    used_at     timestamptz NOT NULL,
    fingerprint bytea NOT NULL,
    on_hand     bigint NOT NULL, -- the answer
    reserved    bigint NOT NULL,
    version     bigint NOT NULL
);
CREATE INDEX stock_adjustment_keys_used_at ON stock_adjustment_keys (used_at);

-- One outcome an order. Written tens of thousands of times a second: lean, and with no other index.
CREATE TABLE reservations (
    order_id    bigint PRIMARY KEY,
    decided_at  timestamptz NOT NULL,
    fingerprint bytea NOT NULL, -- of user and items
    items       text NOT NULL,  -- {"sku": quantity, ...}
    reason      text,           -- null: RESERVED
    lacking     text            -- {"sku": what was available, null when unknown, ...}
);

-- +goose Down
DROP TABLE reservations;
DROP TABLE stock_adjustment_keys;
DROP TABLE stock_movements;
DROP TABLE stock;
