-- +goose Up

-- Whose turn it is, is looked up by the order (notifications_by_order): an index of what waits alone is not to be
-- told from notifications_due by statistics of a time when nothing waited.
DROP INDEX notifications_turn;

-- +goose Down
CREATE INDEX notifications_turn ON notifications (order_uid, channel, seq) WHERE status = 'PENDING';
