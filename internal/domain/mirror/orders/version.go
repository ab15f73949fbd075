package orders

import "time"

// Version is what the rules ask of a version of an order, as some cache showed it.
type Version struct {
	// UID of the object. Identity is the uid of the object that was made first; it is UID as
	// long as orders are not restored from the archive.
	UID, Identity string
	// RV is the resourceVersion. Those of one resource are ordered, across objects as well.
	RV int64
	// Entries is the number of history entries that can be told; 0 when the version can't be
	// told yet (protocol rules 3 and 6).
	Entries int64
	// Last says that the object is gone, and that this is all that is known of its end: RV is
	// then not below that of the last version.
	Last bool
	// Deleting says that it has a deletionTimestamp.
	Deleting bool
	// OrderFinalizer and MirrorFinalizer say which finalizers it has.
	OrderFinalizer, MirrorFinalizer bool
	// Leaving says that its finalizers were taken off to archive it.
	Leaving bool
	// Unasked says that it was created without asking whether there was one of its name.
	Unasked bool
	// ByGateway says that its name was made from an idempotency key: whoever has the same
	// name wants the same order.
	ByGateway bool
}

// State says where the order of a row is.
type State string

const (
	// Live is an order that is in the cluster.
	Live State = "live"
	// Archived is a finished order that left the cluster, or is about to.
	Archived State = "archived"
	// Gone is an order that somebody deleted.
	Gone State = "gone"
)

// Row is what the rules ask of the row of an order's name. The zero Row is none.
type Row struct {
	// Identity of the order; empty when there is no row.
	Identity string
	// RV and Seq are the resourceVersion and the history entries of the version in the row.
	RV, Seq int64
	State   State
	// MirroredAt is when the row got its Seq.
	MirroredAt time.Time
}

// Shows says that the row is this very version.
func (r Row) Shows(v Version) bool {
	return r.Identity == v.Identity && r.RV == v.RV && r.Seq == v.Entries
}

// IsRepeat says that a version is of a second order under a name that had one (protocol rule
// 5). It is newer than the first order, which is in the archive, or both come from one
// idempotency key.
func IsRepeat(r Row, v Version) bool {
	isAnother := r.Identity != "" && r.Identity != v.Identity
	return isAnother && v.RV > r.RV && (r.State == Archived || v.ByGateway)
}
