-- +goose Up

-- Whose data this is: one namespace of one cluster. Its one row is written by the first mirror.
CREATE TABLE mirror (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    namespace        text    NOT NULL,
    namespace_uid    text    NOT NULL,
    -- The highest resourceVersion that the cluster was seen at. One that is lower later has gone back.
    resource_version bigint  NOT NULL
);

-- What the topics were when the mirror last looked. One with another id, or a lower end, has lost records.
CREATE TABLE mirror_topics (
    topic      text   PRIMARY KEY,
    topic_id   text   NOT NULL,
    end_offset bigint NOT NULL -- of all partitions together
);

-- +goose Down
DROP TABLE mirror_topics;
DROP TABLE mirror;
