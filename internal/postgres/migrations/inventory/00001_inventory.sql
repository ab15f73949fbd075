-- +goose Up

-- How far the stock decisions of the namespace were told (protocol rule 10). Its one row
-- orders every write of this database: who writes here locks it first.
CREATE TABLE cursor (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint  NOT NULL DEFAULT 0 CHECK (seq >= 0)
);
INSERT INTO cursor DEFAULT VALUES;

-- What there is of each product, as the newest version of its StockItem says. A row whose
-- item is gone stays.
CREATE TABLE inventory (
    product_id       text        PRIMARY KEY,
    item_uid         text        NOT NULL,
    rv               bigint      NOT NULL,
    state            text        NOT NULL CHECK (state IN ('live', 'gone')),
    sku              text        NOT NULL,
    name             text        NOT NULL,
    quantity         bigint      NOT NULL,
    reserved_qty     bigint      NOT NULL,
    available_qty    bigint      NOT NULL,
    opening_quantity bigint      NOT NULL,
    safety_stock     bigint      NOT NULL,
    journal_seq      bigint      NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);

-- Every reservation there ever was, as its newest version says.
CREATE TABLE inventory_reservations (
    uid         text        PRIMARY KEY,
    name        text        NOT NULL,
    rv          bigint      NOT NULL,
    state       text        NOT NULL CHECK (state IN ('live', 'gone')),
    order_id    text,
    customer_id text,
    phase       text        NOT NULL,
    intent      text        NOT NULL,
    lines       jsonb       NOT NULL,
    allocations jsonb       NOT NULL,
    restocked   jsonb       NOT NULL,
    journal_seq bigint      NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL
);
CREATE INDEX inventory_reservations_by_name ON inventory_reservations (name);
CREATE INDEX inventory_reservations_by_order ON inventory_reservations (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX inventory_reservations_live ON inventory_reservations (uid) WHERE state = 'live';

-- Every stock document there ever was, those included that were refused and moved nothing.
CREATE TABLE inventory_documents (
    uid          text        PRIMARY KEY,
    name         text        NOT NULL,
    rv           bigint      NOT NULL,
    state        text        NOT NULL CHECK (state IN ('live', 'gone')),
    product_id   text        NOT NULL,
    kind         text        NOT NULL,
    quantity     bigint      NOT NULL,
    reason       text        NOT NULL,
    requested_by text        NOT NULL,
    on_behalf_of text        NOT NULL,
    phase        text        NOT NULL,
    outcome      text        NOT NULL,
    journal_seq  bigint      NOT NULL,
    delta        bigint,
    decided_at   timestamptz,
    created_at   timestamptz NOT NULL
);
CREATE INDEX inventory_documents_by_name ON inventory_documents (name);
CREATE INDEX inventory_documents_live ON inventory_documents (uid) WHERE state = 'live';

-- What moved stock, in the order in which it was booked; nothing is changed afterwards. "Why
-- is this 47" is one query: SELECT * FROM movements WHERE product_id = '...' ORDER BY no.
-- The deltas of an item up to its status.journalSeq add up to its status.onHand (rule 12).
CREATE TABLE movements (
    no         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_uid   text        NOT NULL,
    product_id text        NOT NULL,
    seq        bigint      NOT NULL, -- of the decision; 0 for Opening; for Carried the item's journalSeq
    kind       text        NOT NULL CHECK (kind IN ('Opening', 'Commit', 'Restock', 'Adjust', 'Carried')),
    quantity   bigint      NOT NULL, -- units that were decided about
    delta      bigint      NOT NULL, -- change of what is on hand
    remaining  bigint,               -- available right after it; unknown for Opening
    on_hand    bigint      NOT NULL, -- running balance of the item
    uid        text        NOT NULL, -- of the reservation, document or item
    object     text        NOT NULL, -- its name
    order_id   text,
    reason     text        NOT NULL,
    at         timestamptz NOT NULL
);
-- A decision moves an item once.
CREATE UNIQUE INDEX movements_once ON movements (item_uid, seq) WHERE kind <> 'Carried';
CREATE INDEX movements_carried ON movements (item_uid, seq) WHERE kind = 'Carried';
CREATE INDEX movements_by_product ON movements (product_id, no DESC);
CREATE INDEX movements_by_item ON movements (item_uid, no DESC);

-- What was told, with the bytes that were told first (rule 2). Kept for ever.
CREATE TABLE stock_events (
    event_id uuid        PRIMARY KEY,
    no       bigint      GENERATED ALWAYS AS IDENTITY, -- in the order in which they were told
    object   text        NOT NULL,
    uid      text        NOT NULL,
    seq      bigint      NOT NULL,
    type     text        NOT NULL,
    topic    text        NOT NULL,
    key      text        NOT NULL,
    value    bytea       NOT NULL,
    trace_id text        NOT NULL,
    at       timestamptz NOT NULL,
    UNIQUE (uid, seq, type, key)
);
CREATE INDEX stock_events_by_topic ON stock_events (topic, key);
CREATE INDEX stock_events_by_key ON stock_events (key, no);

-- What waits to be published, in the order of no. A published event is deleted (rules 15, 18).
CREATE TABLE outbox (
    no        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id  uuid        NOT NULL,
    key       text        NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE outbox, stock_events, movements, inventory_documents, inventory_reservations, inventory, cursor;
