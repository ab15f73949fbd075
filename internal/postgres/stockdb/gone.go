package stockdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Table is one of the tables of objects.
type Table string

// The tables of objects.
const (
	Items        Table = "inventory"
	Reservations Table = "inventory_reservations"
	Documents    Table = "inventory_documents"
)

// Tables are all of them.
func Tables() []Table { return []Table{Items, Reservations, Documents} }

// uid is the column of the object's uid.
func (t Table) uid() string {
	if t == Items {
		return "item_uid"
	}
	return "uid"
}

// Gone is an object that is gone, and the last version that was seen of it.
type Gone struct {
	UID     string `json:"uid"`
	Version int64  `json:"rv"`
}

func (t Table) goneSQL() string {
	table := pgx.Identifier{string(t)}.Sanitize()
	return fmt.Sprintf(`UPDATE %[1]s SET state = 'gone', rv = greatest(%[1]s.rv, old.rv)
FROM jsonb_to_recordset($1) AS old (uid text, rv bigint) WHERE %[1]s.%[2]s = old.uid AND %[1]s.state = 'live'`, table, t.uid())
}

// MarkGone notes that objects are gone. Nothing is changed of a row of another uid.
func MarkGone(ctx context.Context, tx pgx.Tx, t Table, gone []Gone) error {
	if len(gone) == 0 {
		return nil
	}
	return put(ctx, tx, t.goneSQL(), gone)
}

func (t Table) liveSQL() string {
	return fmt.Sprintf(`SELECT %s FROM %s WHERE state = 'live'`, t.uid(), pgx.Identifier{string(t)}.Sanitize())
}

// Live are the uids of the objects that are there according to their rows.
func Live(ctx context.Context, q Querier, t Table) ([]string, error) {
	rows, err := q.Query(ctx, t.liveSQL())
	if err != nil {
		return nil, fmt.Errorf("read the live rows of %s: %w", t, err)
	}
	uids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read the live rows of %s: %w", t, err)
	}
	return uids, nil
}
