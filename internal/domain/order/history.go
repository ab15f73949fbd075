package order

import "github.com/orderplane/orderplane/api/v1alpha1"

// MaxHistory is how many entries status.history may have (the schema's limit).
const MaxHistory = 64

// HistoryOf returns what happened to an order, oldest first. Status has no entry as long
// as nobody looked at the order; that it was created is true all the same.
func HistoryOf(o *v1alpha1.Order) []v1alpha1.OrderHistoryEntry {
	if len(o.Status.History) == 0 {
		return []v1alpha1.OrderHistoryEntry{created(o)}
	}
	return o.Status.History
}

// created is the first entry of every history.
func created(o *v1alpha1.Order) v1alpha1.OrderHistoryEntry {
	return v1alpha1.OrderHistoryEntry{Seq: 1, Type: v1alpha1.HistoryCreated, At: o.CreationTimestamp}
}
