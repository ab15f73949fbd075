-- +goose Up

-- What is known of each order: as it is in the cluster, or as it last was. The columns up to
-- updated_at are the public contract's; the others are the mirror's own.
CREATE TABLE orders (
    id                  text COLLATE "C" PRIMARY KEY,
    customer_id         text NOT NULL,
    status              text NOT NULL CHECK (status IN ('PENDING', 'CONFIRMED', 'FULFILLED', 'RETURN_REQUESTED', 'RETURNED', 'CANCELLED')),
    items               jsonb NOT NULL,
    -- total_amount and currency are null for an order that ended before they were known.
    total_amount        numeric,
    currency            text,
    shipping_address    jsonb NOT NULL,
    idempotency_key     text UNIQUE,
    cancelled_reason    text,
    cancelled_at        timestamptz,
    fulfilled_at        timestamptz,
    return_requested_at timestamptz,
    return_reason       text,
    returned_at         timestamptz,
    refund_amount       numeric,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    -- uid of the object that was made first: the identity of the order, which its events have.
    uid                 text NOT NULL,
    -- object_uid is the uid of the object that the row was last read from.
    object_uid          text NOT NULL,
    -- rv is the resourceVersion, and seq the number of history entries, of the version in the row.
    rv                  bigint NOT NULL,
    seq                 bigint NOT NULL,
    -- told is a checksum of the history entries up to seq.
    told                bigint NOT NULL,
    state               text NOT NULL CHECK (state IN ('live', 'archived', 'gone')),
    -- mirrored_at is when the row got its seq.
    mirrored_at         timestamptz NOT NULL,
    object              jsonb NOT NULL
);

-- Lists are newest first.
CREATE INDEX orders_by_customer ON orders (customer_id, created_at DESC, id DESC);
CREATE INDEX orders_by_status ON orders (status, created_at DESC, id DESC);
-- The sweep reads what is said to be in the cluster.
CREATE INDEX orders_live ON orders (id) WHERE state = 'live';
-- The highest version of all tells whether the cluster has gone back.
CREATE INDEX orders_by_rv ON orders (rv);

-- Every event of every order, as it was first rendered. Kept for ever: who tells again sends these bytes.
CREATE TABLE order_events (
    event_id uuid PRIMARY KEY,
    -- no counts the events in the order in which they were told.
    no       bigint GENERATED ALWAYS AS IDENTITY,
    -- object is the id of the order, uid its identity, seq the number of the history entry.
    object   text COLLATE "C" NOT NULL,
    uid      text NOT NULL,
    seq      bigint NOT NULL,
    type     text NOT NULL,
    -- topic is empty for what is not published.
    topic    text NOT NULL,
    key      text NOT NULL,
    value    bytea NOT NULL,
    trace_id text NOT NULL,
    at       timestamptz NOT NULL,
    UNIQUE (uid, seq, type, key)
);
-- What is told again is read key by key.
CREATE INDEX order_events_by_topic ON order_events (topic, key);
CREATE INDEX order_events_by_key ON order_events (key, no);

-- What is to be published. A row is deleted once the broker has acknowledged its event.
CREATE TABLE outbox (
    no        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id  uuid NOT NULL,
    key       text NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE outbox;
DROP TABLE order_events;
DROP TABLE orders;
