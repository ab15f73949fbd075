package stockdb

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Rows are guarded by uid and resourceVersion: a version that is not newer than the row, or
// that is of an object which is gone, changes nothing. Each object may be given once a call.
const (
	putItemsSQL = `INSERT INTO inventory (product_id, item_uid, rv, state, sku, name, quantity, reserved_qty, available_qty, opening_quantity, safety_stock, journal_seq, created_at, updated_at)
SELECT product_id, item_uid, rv, 'live', sku, name, quantity, reserved_qty, available_qty, opening_quantity, safety_stock, journal_seq, created_at, updated_at
FROM jsonb_to_recordset($1) AS new (product_id text, item_uid text, rv bigint, sku text, name text, quantity bigint, reserved_qty bigint,
	available_qty bigint, opening_quantity bigint, safety_stock bigint, journal_seq bigint, created_at timestamptz, updated_at timestamptz)
ON CONFLICT (product_id) DO UPDATE SET (item_uid, rv, state, sku, name, quantity, reserved_qty, available_qty, opening_quantity, safety_stock, journal_seq, created_at, updated_at)
	= (excluded.item_uid, excluded.rv, excluded.state, excluded.sku, excluded.name, excluded.quantity, excluded.reserved_qty, excluded.available_qty,
	excluded.opening_quantity, excluded.safety_stock, excluded.journal_seq, excluded.created_at, excluded.updated_at)
WHERE inventory.rv < excluded.rv AND (inventory.state = 'live' OR inventory.item_uid <> excluded.item_uid)`

	putReservationsSQL = `INSERT INTO inventory_reservations (uid, name, rv, state, order_id, customer_id, phase, intent, lines, allocations, restocked, journal_seq, expires_at, created_at)
SELECT uid, name, rv, 'live', order_id, customer_id, phase, intent, lines, allocations, restocked, journal_seq, expires_at, created_at
FROM jsonb_to_recordset($1) AS new (uid text, name text, rv bigint, order_id text, customer_id text, phase text, intent text, lines jsonb,
	allocations jsonb, restocked jsonb, journal_seq bigint, expires_at timestamptz, created_at timestamptz)
ON CONFLICT (uid) DO UPDATE SET (rv, phase, intent, allocations, restocked, journal_seq, expires_at)
	= (excluded.rv, excluded.phase, excluded.intent, excluded.allocations, excluded.restocked, excluded.journal_seq, excluded.expires_at)
WHERE inventory_reservations.rv < excluded.rv AND inventory_reservations.state = 'live'`

	putDocumentsSQL = `INSERT INTO inventory_documents (uid, name, rv, state, product_id, kind, quantity, reason, requested_by, on_behalf_of, phase, outcome, journal_seq, delta, decided_at, created_at)
SELECT uid, name, rv, 'live', product_id, kind, quantity, reason, requested_by, on_behalf_of, phase, outcome, journal_seq, delta, decided_at, created_at
FROM jsonb_to_recordset($1) AS new (uid text, name text, rv bigint, product_id text, kind text, quantity bigint, reason text, requested_by text,
	on_behalf_of text, phase text, outcome text, journal_seq bigint, delta bigint, decided_at timestamptz, created_at timestamptz)
ON CONFLICT (uid) DO UPDATE SET (rv, phase, outcome, journal_seq, delta, decided_at)
	= (excluded.rv, excluded.phase, excluded.outcome, excluded.journal_seq, excluded.delta, excluded.decided_at)
WHERE inventory_documents.rv < excluded.rv AND inventory_documents.state = 'live'`
)

type itemRow struct {
	ProductID       string    `json:"product_id"`
	ItemUID         string    `json:"item_uid"`
	Version         int64     `json:"rv"`
	SKU             string    `json:"sku"`
	Name            string    `json:"name"`
	Quantity        int64     `json:"quantity"`
	ReservedQty     int64     `json:"reserved_qty"`
	AvailableQty    int64     `json:"available_qty"`
	OpeningQuantity int64     `json:"opening_quantity"`
	SafetyStock     int64     `json:"safety_stock"`
	JournalSeq      int64     `json:"journal_seq"`
	CreatedAt       time.Time `json:"created_at"`
	UpdatedAt       time.Time `json:"updated_at"`
}

// PutItems writes the rows of items.
func PutItems(ctx context.Context, tx pgx.Tx, items []*v1alpha1.StockItem) error {
	if len(items) == 0 {
		return nil
	}
	rows := make([]itemRow, 0, len(items))
	for _, o := range items {
		rv, err := Version(o.ResourceVersion)
		if err != nil {
			return err
		}
		s := &o.Status
		row := itemRow{
			ProductID: o.Name, ItemUID: string(o.UID), Version: rv, SKU: o.Spec.SKU, Name: o.Spec.Name, Quantity: journal.OnHand(o),
			ReservedQty: s.Reserved, AvailableQty: s.Available, OpeningQuantity: o.Spec.OpeningQuantity, SafetyStock: o.Spec.SafetyStock,
			JournalSeq: s.JournalSeq, CreatedAt: o.CreationTimestamp.Time, UpdatedAt: o.CreationTimestamp.Time,
		}
		if s.OpeningQuantity != nil {
			row.OpeningQuantity = *s.OpeningQuantity
		}
		if s.AsOf != nil {
			row.UpdatedAt = s.AsOf.Time
		}
		rows = append(rows, row)
	}
	return put(ctx, tx, putItemsSQL, rows)
}

type reservationRow struct {
	UID         string                     `json:"uid"`
	Name        string                     `json:"name"`
	Version     int64                      `json:"rv"`
	OrderID     *string                    `json:"order_id"`
	CustomerID  *string                    `json:"customer_id"`
	Phase       string                     `json:"phase"`
	Intent      string                     `json:"intent"`
	Lines       []v1alpha1.StockLine       `json:"lines"`
	Allocations []v1alpha1.StockAllocation `json:"allocations"`
	Restocked   []v1alpha1.RestockedLine   `json:"restocked"`
	JournalSeq  int64                      `json:"journal_seq"`
	ExpiresAt   *time.Time                 `json:"expires_at"`
	CreatedAt   time.Time                  `json:"created_at"`
}

// PutReservations writes the rows of reservations.
func PutReservations(ctx context.Context, tx pgx.Tx, reservations []*v1alpha1.StockReservation) error {
	if len(reservations) == 0 {
		return nil
	}
	rows := make([]reservationRow, 0, len(reservations))
	for _, r := range reservations {
		rv, err := Version(r.ResourceVersion)
		if err != nil {
			return err
		}
		row := reservationRow{
			UID: string(r.UID), Name: r.Name, Version: rv, CustomerID: orNull(r.Spec.CustomerID), Phase: string(r.Status.Phase), Intent: string(r.Spec.Intent),
			Lines: r.Spec.Lines, Allocations: notNull(r.Status.Allocations), Restocked: notNull(r.Status.Restocked),
			JournalSeq: journal.LastSeq(&r.Status), CreatedAt: r.CreationTimestamp.Time,
		}
		if ref := r.Spec.OrderRef; ref != nil {
			row.OrderID = &ref.Name
		}
		if at := r.Spec.ExpiresAt; at != nil {
			row.ExpiresAt = &at.Time
		}
		rows = append(rows, row)
	}
	return put(ctx, tx, putReservationsSQL, rows)
}

type documentRow struct {
	UID         string     `json:"uid"`
	Name        string     `json:"name"`
	Version     int64      `json:"rv"`
	ProductID   string     `json:"product_id"`
	Kind        string     `json:"kind"`
	Quantity    int64      `json:"quantity"`
	Reason      string     `json:"reason"`
	RequestedBy string     `json:"requested_by"`
	OnBehalfOf  string     `json:"on_behalf_of"`
	Phase       string     `json:"phase"`
	Outcome     string     `json:"outcome"`
	JournalSeq  int64      `json:"journal_seq"`
	Delta       *int64     `json:"delta"`
	DecidedAt   *time.Time `json:"decided_at"`
	CreatedAt   time.Time  `json:"created_at"`
}

// PutDocuments writes the rows of stock documents.
func PutDocuments(ctx context.Context, tx pgx.Tx, documents []*v1alpha1.StockAdjustment) error {
	if len(documents) == 0 {
		return nil
	}
	rows := make([]documentRow, 0, len(documents))
	for _, d := range documents {
		rv, err := Version(d.ResourceVersion)
		if err != nil {
			return err
		}
		row := documentRow{
			UID: string(d.UID), Name: d.Name, Version: rv, ProductID: d.Spec.ProductID, Kind: string(d.Spec.Kind), Quantity: d.Spec.Quantity, Reason: d.Spec.Reason,
			RequestedBy: d.Spec.RequestedBy, OnBehalfOf: d.Spec.OnBehalfOf, Phase: string(d.Status.Phase),
			JournalSeq: d.Status.JournalSeq, Delta: d.Status.Delta, CreatedAt: d.CreationTimestamp.Time,
		}
		if applied := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.AdjustmentConditionApplied); applied != nil {
			row.Outcome = applied.Reason
		}
		if at := d.Status.DecidedAt; at != nil {
			row.DecidedAt = &at.Time
		}
		rows = append(rows, row)
	}
	return put(ctx, tx, putDocumentsSQL, rows)
}

// Version is a resourceVersion as a number. Those of one resource are comparable.
func Version(resourceVersion string) (int64, error) {
	rv, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resourceVersion %q is no number: %w", resourceVersion, err)
	}
	return rv, nil
}

func notNull[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
