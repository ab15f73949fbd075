-- +goose Up

-- Lists are of orders that have left the cluster: those that are in it, the gateway knows itself.
-- What changes often, a live order, is in none of these.
DROP INDEX orders_by_customer, orders_by_status;
CREATE INDEX orders_left ON orders (created_at DESC, id DESC) WHERE state <> 'live';
CREATE INDEX orders_left_by_status ON orders (status, created_at DESC, id DESC) WHERE state <> 'live';
CREATE INDEX orders_left_by_customer ON orders (customer_id, created_at DESC, id DESC) INCLUDE (status) WHERE state <> 'live';

-- How many orders have left the cluster in each status. To count them takes as long as there are many.
CREATE TABLE orders_left_count (
    status text PRIMARY KEY,
    orders bigint NOT NULL
);
INSERT INTO orders_left_count SELECT status, count(*) FROM orders WHERE state <> 'live' GROUP BY status;

-- +goose StatementBegin
CREATE FUNCTION count_orders_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM orders_left_count;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO orders_left_count AS c SELECT status, count(*) FROM new_rows WHERE state <> 'live' GROUP BY status ORDER BY status
            ON CONFLICT (status) DO UPDATE SET orders = c.orders + excluded.orders;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO orders_left_count AS c SELECT status, -count(*) FROM old_rows WHERE state <> 'live' GROUP BY status ORDER BY status
            ON CONFLICT (status) DO UPDATE SET orders = c.orders + excluded.orders;
    ELSE
        -- Two writers lock the rows in one order, and after all rows of orders.
        INSERT INTO orders_left_count AS c SELECT status, sum(n) FROM (
                SELECT status, 1 AS n FROM new_rows WHERE state <> 'live' UNION ALL SELECT status, -1 FROM old_rows WHERE state <> 'live'
            ) moved GROUP BY status HAVING sum(n) <> 0 ORDER BY status
            ON CONFLICT (status) DO UPDATE SET orders = c.orders + excluded.orders;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER orders_inserted AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_orders_left();
CREATE TRIGGER orders_updated AFTER UPDATE ON orders REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_orders_left();
CREATE TRIGGER orders_deleted AFTER DELETE ON orders REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_orders_left();
CREATE TRIGGER orders_truncated AFTER TRUNCATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION count_orders_left();

-- +goose Down
DROP TRIGGER orders_inserted ON orders;
DROP TRIGGER orders_updated ON orders;
DROP TRIGGER orders_deleted ON orders;
DROP TRIGGER orders_truncated ON orders;
DROP FUNCTION count_orders_left();
DROP TABLE orders_left_count;
DROP INDEX orders_left, orders_left_by_status, orders_left_by_customer;
CREATE INDEX orders_by_customer ON orders (customer_id, created_at DESC, id DESC);
CREATE INDEX orders_by_status ON orders (status, created_at DESC, id DESC);
