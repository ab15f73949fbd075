package orderdb

import (
	"encoding/json"
	"time"

	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
)

// State says where an order is.
type State = orders.State

// The states, as the rules of the mirror name them.
const (
	Live     = orders.Live
	Archived = orders.Archived
	Gone     = orders.Gone
)

// Version is what the mirror's rules ask of a row.
type Version struct {
	ID string
	// UID is the identity of the order: the uid of the object that was made first.
	UID string
	// ObjectUID is the uid of the object that the row was last read from.
	ObjectUID string
	// RV is the resourceVersion of that version, Seq the number of its history entries.
	RV, Seq int64
	// Told is a checksum of the history entries up to Seq.
	Told  int64
	State State
	// MirroredAt is when the row got its Seq.
	MirroredAt time.Time
}

// Row is what is known of an order. Absent texts are empty, absent times nil.
type Row struct {
	Version
	// CustomerID and what follows are the public contract's columns.
	CustomerID string
	// Status is the contract's word, such as "PENDING".
	Status string
	// Items and ShippingAddress are JSON as the REST API shows them.
	Items json.RawMessage
	// TotalAmount and RefundAmount are decimals in Currency. An order that ended before its
	// currency was known has none of them.
	TotalAmount, RefundAmount string
	Currency                  string
	ShippingAddress           json.RawMessage
	// IdempotencyKey is the id for orders that the gateway made, else empty.
	IdempotencyKey    string
	CancelledReason   string
	CancelledAt       *time.Time
	FulfilledAt       *time.Time
	ReturnRequestedAt *time.Time
	ReturnReason      string
	ReturnedAt        *time.Time
	CreatedAt         time.Time
	UpdatedAt         time.Time
	// Object is the order as the API server had it, without managed fields.
	Object json.RawMessage
}
