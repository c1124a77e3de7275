-- +goose Up

-- What was decided to tell of each order.
CREATE TABLE notification_orders (
    order_id INTEGER PRIMARY KEY,
    failed   INTEGER NOT NULL,
    outcome  TEXT    NOT NULL CHECK (outcome IN ('', 'RESERVED', 'REJECTED')),
    notices  INTEGER NOT NULL -- how many rows of the ledger it has, for audits
);

-- Who was ever told, and what they answered that concerns all their notifications. Times are microseconds since 1970.
CREATE TABLE notification_receivers (
    receiver  TEXT PRIMARY KEY,
    address   TEXT NOT NULL,
    gone_at   INTEGER,
    resume_at INTEGER
);

-- The ledger: one row for each order, status and receiver, kept for ever, for it is what a replay is recognised by.
CREATE TABLE notifications (
    order_id    INTEGER NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('RESERVED', 'REJECTED', 'FAILED')),
    receiver    TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    traceparent TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'claimed', 'delivered', 'given_up', 'gone')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,  -- pending: of the next attempt; claimed: when the claim ends
    claimed_by  TEXT,
    last_error  TEXT    NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (order_id, status, receiver)
);

CREATE INDEX notifications_due ON notifications (receiver, due_at) WHERE state IN ('pending', 'claimed');
CREATE INDEX notifications_ended ON notifications (order_id, status, receiver) WHERE state IN ('given_up', 'gone');
CREATE INDEX notifications_failed ON notifications (order_id, status, receiver) WHERE status = 'FAILED';

-- +goose Down
DROP TABLE notifications;
DROP TABLE notification_receivers;
DROP TABLE notification_orders;
