-- +goose Up

-- What was decided to tell of each order. A row is what concurrent decisions about an order wait for each other on.
CREATE TABLE notification_orders (
    order_id bigint  PRIMARY KEY,
    failed   boolean NOT NULL,
    outcome  text    NOT NULL CHECK (outcome IN ('', 'RESERVED', 'REJECTED')),
    notices  integer NOT NULL -- how many rows of the ledger it has, for audits
);

-- Who was ever told, and what they answered that concerns all their notifications.
CREATE TABLE notification_receivers (
    receiver  text        PRIMARY KEY,
    address   text        NOT NULL,
    gone_at   timestamptz,
    resume_at timestamptz
);

-- The ledger: one row for each order, status and receiver, kept for ever, for it is what a replay is recognised by.
CREATE TABLE notifications (
    order_id    bigint      NOT NULL,
    status      text        NOT NULL CHECK (status IN ('RESERVED', 'REJECTED', 'FAILED')),
    receiver    text        NOT NULL,
    reason      text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    traceparent text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('pending', 'claimed', 'delivered', 'given_up', 'gone')),
    attempts    integer     NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL,  -- pending: of the next attempt; claimed: when the claim ends
    claimed_by  uuid,
    last_error  text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (order_id, status, receiver)
);

CREATE INDEX notifications_due ON notifications (receiver, due_at) WHERE state IN ('pending', 'claimed');
CREATE INDEX notifications_ended ON notifications (order_id, status, receiver) WHERE state IN ('given_up', 'gone');
CREATE INDEX notifications_failed ON notifications (order_id, status, receiver) WHERE status = 'FAILED';

-- The ends of the due index are deleted as fast as they are added; vacuum must follow.
ALTER TABLE notifications SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.2);

-- +goose Down
DROP TABLE notifications;
DROP TABLE notification_receivers;
DROP TABLE notification_orders;
