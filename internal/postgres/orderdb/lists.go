package orderdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Filter says which orders are listed, in any state. A customer, a status or both have to be named.
type Filter struct {
	CustomerID string
	// Status is the contract's word, such as "FULFILLED".
	Status string
	// From and To bound when the orders were created; To itself is not in. Nil is no bound.
	From, To *time.Time
}

// Place is where an order stands in a list: newest first, and by id where two are of the same moment.
type Place struct {
	CreatedAt time.Time
	ID        string
}

// PlaceOf gives the place of an order.
func PlaceOf(r Row) Place { return Place{CreatedAt: r.CreatedAt, ID: r.ID} }

// MostCounted is how far Count counts. A longer list would take longer to count than to read.
const MostCounted = 5_000

// A list has one upper bound, which is a place: with a second one Postgres might begin at the wrong one, and walk
// through the index from there. Orders of a customer that are in another status are passed over. A count
// reads as many rows as it counts; of a status that most orders have, maybe from the table itself.
const (
	listed = `SELECT ` + columns + ` FROM orders
		WHERE created_at >= coalesce($1::timestamptz, '-infinity') AND (created_at, id) < (coalesce($2::timestamptz, 'infinity'), $3::text) AND `
	inOrder = ` ORDER BY created_at DESC, id DESC LIMIT $4`
	counted = `SELECT count(*) FROM (SELECT FROM orders
		WHERE created_at >= coalesce($1::timestamptz, '-infinity') AND created_at < coalesce($2::timestamptz, 'infinity') AND `
	atMost = ` LIMIT $3) found`
)

// condition names what a filter asks for, by parameters from a number on.
func (f Filter) condition(from int) (sql string, args []any, err error) {
	switch {
	case f.CustomerID != "" && f.Status != "":
		return fmt.Sprintf("customer_id = $%d AND status = $%d", from, from+1), []any{f.CustomerID, f.Status}, nil
	case f.CustomerID != "":
		return fmt.Sprintf("customer_id = $%d", from), []any{f.CustomerID}, nil
	case f.Status != "":
		return fmt.Sprintf("status = $%d", from), []any{f.Status}, nil
	default:
		return "", nil, errors.New("list orders: neither customer nor status; name one of them")
	}
}

// query lists a page. It begins after a place, or where the list does, whichever is later in it.
func (f Filter) query(after *Place, limit int) (string, []any, error) {
	condition, args, err := f.condition(5)
	if err != nil {
		return "", nil, err
	}
	at, id := f.To, "" // no order has an empty id, so all of that moment are beyond
	if after != nil && (f.To == nil || after.CreatedAt.Before(*f.To)) {
		at, id = &after.CreatedAt, after.ID
	}
	return listed + condition + inOrder, append([]any{f.From, at, id, limit}, args...), nil
}

// counting counts what is listed.
func (f Filter) counting() (string, []any, error) {
	condition, args, err := f.condition(4)
	if err != nil {
		return "", nil, err
	}
	return counted + condition + atMost, append([]any{f.From, f.To, MostCounted + 1}, args...), nil
}

// List returns orders, newest first: at most limit, those after a place, or the first ones if it is nil. The
// place of the last is where the next page goes on; a page is as quick to read as any other.
func List(ctx context.Context, db Querier, f Filter, after *Place, limit int) ([]Row, error) {
	sql, args, err := f.query(after, limit)
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanRow)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return found, nil
}

// Count returns how many orders there are on all pages. It counts to MostCounted; more is true if there are more
// than that.
func Count(ctx context.Context, db Querier, f Filter) (total int, more bool, err error) {
	sql, args, err := f.counting()
	if err != nil {
		return 0, false, err
	}
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return 0, false, fmt.Errorf("count orders: %w", err)
	}
	if total, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil {
		return 0, false, fmt.Errorf("count orders: %w", err)
	}
	return min(total, MostCounted), total > MostCounted, nil
}
