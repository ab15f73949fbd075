-- +goose Up

-- How many orders have left the cluster, by status and the UTC day on which they were created: a list of a long
-- time is counted by its days, and order by order only where it begins and ends within one.
CREATE TABLE orders_left_by_day (
    status text NOT NULL,
    day    date NOT NULL,
    orders bigint NOT NULL,
    PRIMARY KEY (status, day)
);
INSERT INTO orders_left_by_day SELECT status, (created_at AT TIME ZONE 'UTC')::date, count(*) FROM orders WHERE state <> 'live' GROUP BY 1, 2;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_orders_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Two writers lock the rows in one order, and after all rows of orders.
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM orders_left_by_day;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO orders_left_by_day AS c SELECT status, (created_at AT TIME ZONE 'UTC')::date, count(*) FROM new_rows
            WHERE state <> 'live' GROUP BY 1, 2 ORDER BY 1, 2
            ON CONFLICT (status, day) DO UPDATE SET orders = c.orders + excluded.orders;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO orders_left_by_day AS c SELECT status, (created_at AT TIME ZONE 'UTC')::date, -count(*) FROM old_rows
            WHERE state <> 'live' GROUP BY 1, 2 ORDER BY 1, 2
            ON CONFLICT (status, day) DO UPDATE SET orders = c.orders + excluded.orders;
    ELSE
        INSERT INTO orders_left_by_day AS c SELECT status, day, sum(n) FROM (
                SELECT status, (created_at AT TIME ZONE 'UTC')::date AS day, 1 AS n FROM new_rows WHERE state <> 'live'
                UNION ALL SELECT status, (created_at AT TIME ZONE 'UTC')::date, -1 FROM old_rows WHERE state <> 'live'
            ) moved GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, 2
            ON CONFLICT (status, day) DO UPDATE SET orders = c.orders + excluded.orders;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
DROP TABLE orders_left_count;

-- +goose Down
CREATE TABLE orders_left_count (
    status text PRIMARY KEY,
    orders bigint NOT NULL
);
INSERT INTO orders_left_count SELECT status, count(*) FROM orders WHERE state <> 'live' GROUP BY status;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_orders_left() RETURNS trigger LANGUAGE plpgsql AS $$
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
        INSERT INTO orders_left_count AS c SELECT status, sum(n) FROM (
                SELECT status, 1 AS n FROM new_rows WHERE state <> 'live' UNION ALL SELECT status, -1 FROM old_rows WHERE state <> 'live'
            ) moved GROUP BY status HAVING sum(n) <> 0 ORDER BY status
            ON CONFLICT (status) DO UPDATE SET orders = c.orders + excluded.orders;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
DROP TABLE orders_left_by_day;
