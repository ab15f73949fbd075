package orderdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const versionColumns = `id, uid, object_uid, rv, seq, told, state, mirrored_at`

const (
	versions = `SELECT ` + versionColumns + ` FROM orders WHERE id = ANY($1)`
	lock     = versions + ` ORDER BY id FOR UPDATE`
	live     = `SELECT ` + versionColumns + ` FROM orders WHERE state = 'live' AND id > $1 ORDER BY id LIMIT $2`
)

// Versions reads the rows of these orders, by id. What has none is not in it.
func Versions(ctx context.Context, db Querier, ids []string) (map[string]Version, error) {
	found, err := collectVersions(ctx, db, versions, ids)
	if err != nil {
		return nil, fmt.Errorf("read %d orders: %w", len(ids), err)
	}
	return byID(found), nil
}

// Lock locks the rows of these orders until the transaction ends, in the order of their ids, and
// returns them by id.
func Lock(ctx context.Context, tx pgx.Tx, ids []string) (map[string]Version, error) {
	found, err := collectVersions(ctx, tx, lock, ids)
	if err != nil {
		return nil, fmt.Errorf("lock %d orders: %w", len(ids), err)
	}
	return byID(found), nil
}

// LiveAfter returns up to limit rows that say that their order is in the cluster, in the order of
// their ids, behind one of them; behind "" to begin.
func LiveAfter(ctx context.Context, db Querier, id string, limit int) ([]Version, error) {
	found, err := collectVersions(ctx, db, live, id, limit)
	if err != nil {
		return nil, fmt.Errorf("read the live orders: %w", err)
	}
	return found, nil
}

func collectVersions(ctx context.Context, db Querier, sql string, args ...any) ([]Version, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(from pgx.CollectableRow) (v Version, err error) {
		err = from.Scan(&v.ID, &v.UID, &v.ObjectUID, &v.RV, &v.Seq, &v.Told, &v.State, &v.MirroredAt)
		return v, err
	})
}

func byID(found []Version) map[string]Version {
	rows := make(map[string]Version, len(found))
	for _, v := range found {
		rows[v.ID] = v
	}
	return rows
}

// incarnation changes with a server that was started again, another server, a database that was
// made again or copied back, and a table that was emptied or made again.
const incarnation = `SELECT concat_ws('/', pg_postmaster_start_time(), inet_server_addr(), inet_server_port(),
	(SELECT oid FROM pg_database WHERE datname = current_database()), 'orders'::regclass::oid, pg_relation_filenode('orders'))`

// Incarnation names the database as it is now. With another name it may have gone back: whoever
// remembers what is in it has to look again (protocol rule 7).
func Incarnation(ctx context.Context, db Querier) (string, error) {
	rows, err := db.Query(ctx, incarnation)
	if err != nil {
		return "", fmt.Errorf("ask which database it is: %w", err)
	}
	name, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	if err != nil {
		return "", fmt.Errorf("ask which database it is: %w", err)
	}
	return name, nil
}
