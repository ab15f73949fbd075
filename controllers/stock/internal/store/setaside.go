package store

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Objects that can't be decoded whole, and are set aside for that. The rule for all of
// them: what is on hand is never taken to be more than it is, nor what is held to be less.

// orSetAside takes an object that is set aside, which its reader has marked, for one that was read.
func orSetAside(err error) error {
	if cachedclient.WasSetAside(err) {
		return nil
	}
	return err
}

// Whole are the items and reservations that are not set aside.
func (l *Lists) Whole() ([]v1alpha1.StockItem, []v1alpha1.StockReservation) {
	items, reservations := l.Items.Items, l.Reservations.Items
	if slices.ContainsFunc(items, func(o v1alpha1.StockItem) bool { return cachedclient.IsSetAside(&o) }) {
		items = slices.DeleteFunc(slices.Clone(items), func(o v1alpha1.StockItem) bool { return cachedclient.IsSetAside(&o) })
	}
	if slices.ContainsFunc(reservations, func(r v1alpha1.StockReservation) bool { return cachedclient.IsSetAside(&r) }) {
		reservations = slices.DeleteFunc(slices.Clone(reservations), func(r v1alpha1.StockReservation) bool { return cachedclient.IsSetAside(&r) })
	}
	return items, reservations
}

// mayWriteStatus reports whether a decision can be carried out on an object that was read
// with err: all that is written, and all that it is worked out from, could be decoded.
func mayWriteStatus(o client.Object, err error) bool {
	if !cachedclient.WasSetAside(err) || !KnowsStock(o) {
		return false
	}
	o.SetManagedFields(nil) // the mark is not to be written
	return true
}

// KnowsStock reports whether all could be decoded of an object that says what there is.
func KnowsStock(o metav1.Object) bool {
	return !slices.ContainsFunc([]string{"status", "spec.openingQuantity", "spec.safetyStock", "spec.lowStockThreshold"}, func(path string) bool {
		return cachedclient.IsUnreadable(o, path)
	})
}

// holdAtLeast fills in what reservations hold that are set aside. An error means that one may
// hold stock of which nobody can tell the product: then nothing can be decided safely.
func holdAtLeast(reservations []v1alpha1.StockReservation, items []v1alpha1.StockItem) error {
	var uids map[string]string
	for i := range reservations {
		r := &reservations[i]
		if !cachedclient.IsUnreadable(r, "status.phase") && !cachedclient.IsUnreadable(r, "status.allocations") {
			continue
		}
		if uids == nil {
			uids = make(map[string]string, len(items))
			for j := range items {
				uids[items[j].Name] = string(items[j].UID)
			}
		}
		r = r.DeepCopy() // it may be the cache's
		if cachedclient.IsUnreadable(r, "status.phase") {
			r.Status.Phase = v1alpha1.ReservationReserved
		}
		if r.Status.Phase == v1alpha1.ReservationReserved {
			held, err := atLeast(r, uids)
			if err != nil {
				return err
			}
			r.Status.Allocations = held
		}
		reservations[i] = *r
	}
	return nil
}

// atLeast is what a reservation holds, or more: where a quantity can't be decoded, what was
// asked for, and all that there may be where that can't be decoded either.
func atLeast(r *v1alpha1.StockReservation, uids map[string]string) ([]v1alpha1.StockAllocation, error) {
	asked := map[string]int64{}
	var lines []v1alpha1.StockAllocation
	for i, l := range r.Spec.Lines {
		if cachedclient.IsUnreadable(r, fmt.Sprintf("spec.lines[%d].quantity", i)) {
			l.Quantity = journal.MaxOnHand
		}
		asked[l.ProductID] = l.Quantity
		lines = append(lines, v1alpha1.StockAllocation{ProductID: l.ProductID, ItemUID: uids[l.ProductID], Quantity: l.Quantity})
	}
	isUnnamed := func(a v1alpha1.StockAllocation) bool { return a.ProductID == "" }
	held := slices.Clone(r.Status.Allocations)
	for i := range held {
		a := &held[i]
		if a.ItemUID == "" {
			a.ItemUID = uids[a.ProductID]
		}
		if cachedclient.IsUnreadable(r, fmt.Sprintf("status.allocations[%d].quantity", i)) {
			a.Quantity = journal.MaxOnHand
			if quantity, ok := asked[a.ProductID]; ok {
				a.Quantity = quantity
			}
		}
	}
	if len(held) == 0 || slices.ContainsFunc(held, isUnnamed) {
		held = lines
	}
	if len(held) == 0 || slices.ContainsFunc(held, isUnnamed) {
		return nil, unnamed(r)
	}
	return held, nil
}

func unnamed(r *v1alpha1.StockReservation) error {
	field := cachedclient.UnreadableFields(r)[0]
	return fmt.Errorf("StockReservation %s/%s may hold stock, and of which products can't be decoded (%s: %s); nothing is decided until it is mended or deleted",
		r.Namespace, r.Name, field.Field, field.Problem)
}
