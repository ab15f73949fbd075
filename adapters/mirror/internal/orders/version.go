package orders

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// unreadable says that a version can't be told, since part of it could not be decoded.
type unreadable struct{ field string }

func (e *unreadable) Error() string {
	return fmt.Sprintf("%s can't be decoded, and is needed to tell what happened; put the field right with kubectl edit", e.field)
}

// toldFields are those without which an order can't be told. What else can't be decoded is left out.
func toldFields() []string {
	return []string{
		"spec.customerID", "spec.currency", "spec.items", "spec.shippingAddress", "spec.contact", "spec.fulfillment",
		"status.phase", "status.currency", "status.totalAmount", "status.shortages", "status.history",
	}
}

// versionOf is what the rules ask of an order. Last says that the object is gone.
func versionOf(o *v1alpha1.Order, last bool) (orders.Version, error) {
	for _, field := range toldFields() {
		if cachedclient.IsUnreadable(o, field) {
			return orders.Version{}, &unreadable{field}
		}
	}
	rv, err := strconv.ParseInt(o.ResourceVersion, 10, 64)
	if err != nil {
		return orders.Version{}, fmt.Errorf("resourceVersion: %w", err)
	}
	_, isLeaving := o.Annotations[v1alpha1.LeavingAnnotation]
	_, isUnasked := o.Annotations[v1alpha1.UnaskedAnnotation]
	return orders.Version{
		UID: string(o.UID), Identity: string(o.UID), RV: rv, Entries: entriesOf(o),
		Last: last, Deleting: o.DeletionTimestamp != nil, Leaving: isLeaving, Unasked: isUnasked,
		OrderFinalizer:  slices.Contains(o.Finalizers, v1alpha1.OrderFinalizer),
		MirrorFinalizer: slices.Contains(o.Finalizers, v1alpha1.MirrorFinalizer),
		ByGateway:       isByGateway(o),
	}, nil
}

func isByGateway(o *v1alpha1.Order) bool {
	return o.Annotations[v1alpha1.RequestFingerprintAnnotation] != ""
}

// entriesOf is the number of the last entry of an order's history that can be told.
func entriesOf(o *v1alpha1.Order) int64 {
	history := order.HistoryOf(o)
	last := history[len(history)-1].Seq
	if o.Spec.Currency != "" || o.Status.Currency != "" {
		return last
	}
	// An order whose currency nobody knows yet is told later (rule 3). Whether that is so, event says.
	if unknown := (*event.CurrencyUnknown)(nil); errors.As(tellable(o, last), &unknown) {
		return 0
	}
	return last
}

// tellable is why nothing can be told of an order; nil when it can.
func tellable(o *v1alpha1.Order, after int64) error {
	_, err := event.OfOrder(o, after)
	return err
}

// hasForeignFinalizer says that somebody else holds the order.
func hasForeignFinalizer(o *v1alpha1.Order) bool {
	return slices.ContainsFunc(o.Finalizers, func(f string) bool {
		return f != v1alpha1.OrderFinalizer && f != v1alpha1.MirrorFinalizer
	})
}

// ruleRow is what the rules ask of a row.
func ruleRow(v orderdb.Version) orders.Row {
	return orders.Row{Identity: v.UID, RV: v.RV, Seq: v.Seq, State: v.State, MirroredAt: v.MirroredAt}
}

// toldSum is a checksum of the entries of an order's history up to a number. Entries are never
// edited, so it is the same in every later version.
func toldSum(o *v1alpha1.Order, upTo int64) int64 {
	sum := fnv.New64a()
	for _, e := range order.HistoryOf(o) {
		if e.Seq <= upTo {
			fmt.Fprintf(sum, "%d %q %d %q %q %q %q %q %v\n",
				e.Seq, e.Type, e.At.Unix(), e.Reason, e.Message, e.By, e.RequestID, e.RefundAmount, e.Units)
		}
	}
	return int64(sum.Sum64()) //nolint:gosec // a checksum, not a number
}
