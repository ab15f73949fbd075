package stock

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Available is how many units of an item can still be reserved: what is on hand, less what
// is reserved already, less what is kept back as safety stock. It is below zero when the
// safety stock or a count cuts into what is reserved.
func Available(onHand, reserved, safety int64) int64 { return onHand - reserved - safety }

// Project writes on an item what people want to see: what is reserved and
// available of it, and its conditions. It reports whether that changed anything
// but asOf. It never changes what is on hand: that moves by decisions only, and
// a leader that was replaced may still project.
func Project(o *v1alpha1.StockItem, reserved int64, now metav1.Time) (changed bool) {
	s := &o.Status
	onHand := journal.OnHand(o)
	available := Available(onHand, reserved, o.Spec.SafetyStock)
	changed = journal.SetOnHand(o, onHand)
	changed = changed || s.Reserved != reserved || s.Available != available || s.ObservedGeneration != o.Generation
	s.Reserved, s.Available, s.ObservedGeneration = reserved, available, o.Generation

	set := func(kind string, is bool, yes, no, message string) {
		c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: no, ObservedGeneration: o.Generation, LastTransitionTime: now}
		if is {
			c.Status, c.Reason, c.Message = metav1.ConditionTrue, yes, message
		}
		changed = meta.SetStatusCondition(&s.Conditions, c) || changed
	}
	set(v1alpha1.StockItemConditionInStock, available > 0, "Available", "NoneAvailable", "")
	set(v1alpha1.StockItemConditionLowStock, available < o.Spec.LowStockThreshold, "BelowThreshold", "AboveThreshold",
		fmt.Sprintf("fewer than %d units are available (spec.lowStockThreshold)", o.Spec.LowStockThreshold))
	set(v1alpha1.StockItemConditionOversold, reserved > onHand, "CountBelowReserved", "CoveredByStock",
		"more is reserved than is on hand; nothing new is reserved until stock comes in (kind Received) or reservations are released")
	if changed {
		s.AsOf = &now
	}
	return changed
}
