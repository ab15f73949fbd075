-- +goose Up

-- Whose data this is: one namespace of one cluster. Its one row is written by the first mirror.
CREATE TABLE mirror (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    namespace        text    NOT NULL,
    namespace_uid    text    NOT NULL,
    -- The highest resourceVersion that the cluster was seen at. One that is lower later has gone back.
    resource_version bigint  NOT NULL
);

-- +goose Down
DROP TABLE mirror;
