-- +goose Up

-- What was sent to customers about their orders, or is to be.
CREATE TABLE notifications (
    id         uuid PRIMARY KEY,
    order_id   text NOT NULL,
    channel    text NOT NULL CHECK (channel IN ('EMAIL', 'SMS', 'PUSH')),
    recipient  text NOT NULL,
    template   text NOT NULL,
    status     text NOT NULL CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED')),
    attempts   integer NOT NULL DEFAULT 0,
    sent_at    timestamptz,
    created_at timestamptz NOT NULL
);

CREATE INDEX notifications_by_order ON notifications (order_id, created_at);

-- +goose Down
DROP TABLE notifications;
