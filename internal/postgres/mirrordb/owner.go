// Package mirrordb has what a database knows of the mirror that fills it: whose data it
// is, how new its cluster was, and how far the topics were filled.
package mirrordb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Owner is the row of table mirror: whose data a database holds.
type Owner struct {
	Namespace string
	// NamespaceUID is the uid of the Namespace object: it tells clusters apart.
	NamespaceUID string
	// ResourceVersion is the highest that the cluster was seen at.
	ResourceVersion int64
}

const (
	ownerSQL = `SELECT namespace, namespace_uid, resource_version FROM mirror`
	claimSQL = `INSERT INTO mirror (namespace, namespace_uid, resource_version) VALUES ($1, $2, $3)
ON CONFLICT (one) DO UPDATE SET namespace = excluded.namespace, namespace_uid = excluded.namespace_uid,
	resource_version = excluded.resource_version`
	seenSQL = `UPDATE mirror SET resource_version = $1 WHERE resource_version < $1`

	ordersEmptySQL    = `SELECT NOT EXISTS (SELECT FROM orders) AND NOT EXISTS (SELECT FROM order_events)`
	inventoryEmptySQL = `SELECT NOT EXISTS (SELECT FROM cursor WHERE seq > 0) AND NOT EXISTS (SELECT FROM stock_events)
	AND NOT EXISTS (SELECT FROM movements)`
	newestOrderSQL = `SELECT coalesce(max(rv), 0) FROM orders`
)

// OwnerOf reads whose data a database holds; found is false where no mirror has run.
func OwnerOf(ctx context.Context, db Querier) (owner Owner, found bool, err error) {
	rows, err := db.Query(ctx, ownerSQL)
	if err != nil {
		return Owner{}, false, fmt.Errorf("read whose data it is: %w", err)
	}
	owner, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Owner])
	if errors.Is(err, pgx.ErrNoRows) {
		return Owner{}, false, nil
	}
	if err != nil {
		return Owner{}, false, fmt.Errorf("read whose data it is: %w", err)
	}
	return owner, true, nil
}

// Claim writes whose data a database holds from now on.
func Claim(ctx context.Context, db Querier, o Owner) error {
	if _, err := db.Exec(ctx, claimSQL, o.Namespace, o.NamespaceUID, o.ResourceVersion); err != nil {
		return fmt.Errorf("write whose data it is: %w", err)
	}
	return nil
}

// Seen remembers that the cluster was at a resourceVersion, unless it was seen at a higher one.
func Seen(ctx context.Context, db Querier, resourceVersion int64) error {
	if _, err := db.Exec(ctx, seenSQL, resourceVersion); err != nil {
		return fmt.Errorf("remember the cluster's resourceVersion: %w", err)
	}
	return nil
}

// OrdersEmpty says whether ops_orders holds nothing.
func OrdersEmpty(ctx context.Context, db Querier) (bool, error) {
	return value[bool](ctx, db, "look whether ops_orders is empty", ordersEmptySQL)
}

// InventoryEmpty says whether ops_inventory holds nothing.
func InventoryEmpty(ctx context.Context, db Querier) (bool, error) {
	return value[bool](ctx, db, "look whether ops_inventory is empty", inventoryEmptySQL)
}

// NewestOrder is the highest resourceVersion of any order in ops_orders; 0 when there is none.
func NewestOrder(ctx context.Context, db Querier) (int64, error) {
	return value[int64](ctx, db, "read the newest order's resourceVersion", newestOrderSQL)
}

func value[T any](ctx context.Context, db Querier, what, sql string, args ...any) (v T, err error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	if v, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[T]); err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}
