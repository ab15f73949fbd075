-- +goose Up

-- The columns up to created_at are the public contract's; the others are the notifier's own. SKIPPED is
-- what is never sent; the REST API does not show it.
ALTER TABLE notifications
    DROP CONSTRAINT notifications_status_check,
    ADD CONSTRAINT notifications_status_check CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED', 'SKIPPED')),
    -- event_id, order_uid and seq say what it tells of: the event, its order's identity, and its number there.
    ADD COLUMN event_id    uuid,
    ADD COLUMN order_uid   text COLLATE "C",
    ADD COLUMN seq         bigint,
    ADD COLUMN customer_id text,
    ADD COLUMN happened_at timestamptz,
    ADD COLUMN trace_id    text NOT NULL DEFAULT '',
    -- reason says why it is SKIPPED or FAILED, error how the last try failed; neither is about a person.
    ADD COLUMN reason      text,
    ADD COLUMN error       text,
    -- due_at is when it may be sent, or sent again; sender is who is sending it.
    ADD COLUMN due_at      timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN sender      uuid,
    -- told_at is when its end was told on the topics.
    ADD COLUMN told_at     timestamptz;

CREATE UNIQUE INDEX notifications_once ON notifications (event_id, channel);
CREATE INDEX notifications_due ON notifications (channel, due_at, seq) WHERE status = 'PENDING';
CREATE INDEX notifications_turn ON notifications (order_uid, channel, seq) WHERE status = 'PENDING';
CREATE INDEX notifications_untold ON notifications (created_at) WHERE status IN ('DELIVERED', 'FAILED') AND told_at IS NULL AND event_id IS NOT NULL;
CREATE INDEX notifications_by_customer ON notifications (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX notifications_by_age ON notifications (created_at);

-- What was handled: an event that is here is not handled again.
CREATE TABLE inbox (
    event_id   uuid PRIMARY KEY,
    order_uid  text COLLATE "C" NOT NULL,
    seq        bigint NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_by_order ON inbox (order_uid, seq);
CREATE INDEX inbox_by_age ON inbox (handled_at);

-- Who sends. What a sender that is not alive any more was sending, another takes over.
CREATE TABLE senders (
    id          uuid PRIMARY KEY,
    alive_until timestamptz NOT NULL
);

-- +goose Down
DROP TABLE senders;
DROP TABLE inbox;
DELETE FROM notifications WHERE status = 'SKIPPED';
DROP INDEX notifications_once, notifications_due, notifications_turn, notifications_untold, notifications_by_customer, notifications_by_age;
ALTER TABLE notifications
    DROP COLUMN event_id, DROP COLUMN order_uid, DROP COLUMN seq, DROP COLUMN customer_id, DROP COLUMN happened_at, DROP COLUMN trace_id,
    DROP COLUMN reason, DROP COLUMN error, DROP COLUMN due_at, DROP COLUMN sender, DROP COLUMN told_at,
    DROP CONSTRAINT notifications_status_check,
    ADD CONSTRAINT notifications_status_check CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED'));
