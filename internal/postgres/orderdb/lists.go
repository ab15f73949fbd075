package orderdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Filter says which of the orders are listed that have left the cluster: archived, or gone. Empty fields
// ask for nothing.
type Filter struct {
	CustomerID string
	// Status is the contract's word, such as "FULFILLED".
	Status string
	// From and To bound when the orders were created; To itself is not in. Nil is no bound.
	From, To *time.Time
	// Except are ids that are left out: the cluster has them still, on their way out.
	Except []string
}

// Place is where an order stands in a list: newest first, and by id where two are of the same moment.
type Place struct {
	CreatedAt time.Time
	ID        string
}

// Before says whether a place is above another in a list.
func (p Place) Before(other Place) bool {
	if c := p.CreatedAt.Compare(other.CreatedAt); c != 0 {
		return c > 0
	}
	return p.ID > other.ID
}

// Page is a part of a list: at most Limit places, those behind After, or without it those behind the first
// Offset ones.
type Page struct {
	After         *Place
	Offset, Limit int
}

// condition is what a filter asks for, with its arguments from a number on.
func (f Filter) condition(args []any) (string, []any) {
	var all []string
	add := func(sql string, arg any) {
		args = append(args, arg)
		all = append(all, fmt.Sprintf(sql, len(args)))
	}
	if f.CustomerID != "" {
		add("customer_id = $%d", f.CustomerID)
	}
	if f.Status != "" {
		add("status = $%d", f.Status)
	}
	if f.From != nil {
		add("created_at >= $%d", *f.From)
	}
	if f.To != nil {
		add("created_at < $%d", *f.To)
	}
	if len(f.Except) > 0 {
		add("id <> ALL ($%d)", f.Except)
	}
	return strings.Join(append([]string{"state <> 'live'"}, all...), " AND "), args
}

// query lists places. A page behind a place is read from there: a second upper bound is left out, since with
// two Postgres might begin at the wrong one, and walk through the index from there.
func (f Filter) query(p Page) (string, []any) {
	var behind string
	args := []any{p.Limit, p.Offset}
	if p.After != nil {
		if f.To != nil && p.After.CreatedAt.Before(*f.To) {
			f.To = nil
		}
		args = append(args, p.After.CreatedAt, p.After.ID)
		behind = " AND (created_at, id) < ($3, $4)"
	}
	condition, args := f.condition(args)
	return "SELECT created_at, id FROM orders WHERE " + condition + behind + " ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2", args
}

// List returns the places of orders, newest first. A page behind a place is as quick to read as any other; one
// behind an offset passes over as many entries of an index.
func List(ctx context.Context, db Querier, f Filter, p Page) ([]Place, error) {
	sql, args := f.query(p)
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Place])
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return found, nil
}

// counting counts what is listed. A customer's orders are counted one by one. Of all others the count of a day is
// kept, and only the days in which a list begins and ends are counted.
func (f Filter) counting() (string, []any) {
	first, end := f.days()
	if f.CustomerID != "" || first != nil && end != nil && !first.Before(*end) {
		condition, args := f.condition(nil)
		return "SELECT count(*) FROM orders WHERE " + condition, args
	}
	var (
		args []any
		days []string
	)
	arg := func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	}
	status := ""
	if f.Status != "" {
		status = " AND status = " + arg(f.Status)
	}
	counted := func(condition string) string {
		return "(SELECT count(*) FROM orders WHERE state <> 'live'" + status + condition + ")"
	}
	var edges string
	if first != nil {
		at := arg(*first)
		days = append(days, " AND day >= ("+at+"::timestamptz AT TIME ZONE 'UTC')::date")
		edges += " + " + counted(" AND created_at >= "+arg(*f.From)+" AND created_at < "+at)
	}
	if end != nil {
		at := arg(*end)
		days = append(days, " AND day < ("+at+"::timestamptz AT TIME ZONE 'UTC')::date")
		edges += " + " + counted(" AND created_at >= "+at+" AND created_at < "+arg(*f.To))
	}
	sql := "SELECT (SELECT coalesce(sum(orders), 0) FROM orders_left_by_day WHERE true" + status + strings.Join(days, "") + ")::bigint" + edges
	if len(f.Except) > 0 {
		within := ""
		if f.From != nil {
			within += " AND created_at >= " + arg(*f.From)
		}
		if f.To != nil {
			within += " AND created_at < " + arg(*f.To)
		}
		sql += " - " + counted(within+" AND id = ANY ("+arg(f.Except)+")")
	}
	return sql, args
}

// days are the first whole day of the time that is asked for, and the day in which it ends, both in UTC; nil
// where it has no bound.
func (f Filter) days() (first, end *time.Time) {
	const day = 24 * time.Hour
	if f.From != nil {
		begins := f.From.UTC().Truncate(day)
		if begins.Before(*f.From) {
			begins = begins.Add(day)
		}
		first = &begins
	}
	if f.To != nil {
		ends := f.To.UTC().Truncate(day)
		end = &ends
	}
	return first, end
}

// Count returns how many orders there are on all pages.
func Count(ctx context.Context, db Querier, f Filter) (total int, err error) {
	sql, args := f.counting()
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	if total, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	return total, nil
}
