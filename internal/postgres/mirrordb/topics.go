package mirrordb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Topic is what a topic was when the mirror last looked.
type Topic struct {
	Name string
	// ID that the broker gave it. A topic that is deleted and made anew has another one.
	ID string
	// End is the sum of the end offsets of its partitions.
	End int64
}

const (
	topicsSQL     = `SELECT topic, topic_id, end_offset FROM mirror_topics`
	seenTopicsSQL = `INSERT INTO mirror_topics (topic, topic_id, end_offset)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (topic) DO UPDATE SET topic_id = excluded.topic_id, end_offset = excluded.end_offset
WHERE (mirror_topics.topic_id, mirror_topics.end_offset) IS DISTINCT FROM (excluded.topic_id, excluded.end_offset)`
)

// Topics reads what is remembered of the topics, by name. It is in ops_orders, for all of them.
func Topics(ctx context.Context, db Querier) (map[string]Topic, error) {
	rows, err := db.Query(ctx, topicsSQL)
	if err != nil {
		return nil, fmt.Errorf("read what the topics were: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Topic])
	if err != nil {
		return nil, fmt.Errorf("read what the topics were: %w", err)
	}
	topics := make(map[string]Topic, len(found))
	for _, t := range found {
		topics[t.Name] = t
	}
	return topics, nil
}

// SeenTopics remembers what topics are now. Others stay as they are remembered.
func SeenTopics(ctx context.Context, db Querier, topics []Topic) error {
	var (
		names, ids []string
		ends       []int64
	)
	for _, t := range topics {
		names, ids, ends = append(names, t.Name), append(ids, t.ID), append(ends, t.End)
	}
	if _, err := db.Exec(ctx, seenTopicsSQL, names, ids, ends); err != nil {
		return fmt.Errorf("remember what the topics are: %w", err)
	}
	return nil
}
