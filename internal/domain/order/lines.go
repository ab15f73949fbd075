package order

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// StockLines returns what an order needs of each product, in the order in which
// its lines first name them.
func StockLines(items []v1alpha1.OrderItem) []v1alpha1.StockLine {
	lines := make([]v1alpha1.StockLine, 0, len(items))
	at := make(map[string]int, len(items))
	for _, item := range items {
		i, seen := at[item.ProductID]
		if !seen {
			i = len(lines)
			at[item.ProductID] = i
			lines = append(lines, v1alpha1.StockLine{ProductID: item.ProductID})
		}
		lines[i].Quantity += item.Quantity
	}
	return lines
}

// plus adds up lines by product, in the order of their first naming.
func plus(a, b []v1alpha1.StockLine) []v1alpha1.StockLine {
	items := make([]v1alpha1.OrderItem, 0, len(a)+len(b))
	for _, lines := range [][]v1alpha1.StockLine{a, b} {
		for _, l := range lines {
			items = append(items, v1alpha1.OrderItem{ProductID: l.ProductID, Quantity: l.Quantity})
		}
	}
	if len(items) == 0 {
		return nil
	}
	return StockLines(items)
}

// less is what is left of lines without others, by product.
func less(a, b []v1alpha1.StockLine) []v1alpha1.StockLine {
	without := make(map[string]int64, len(b))
	for _, l := range b {
		without[l.ProductID] += l.Quantity
	}
	var left []v1alpha1.StockLine
	for _, l := range a {
		if l.Quantity -= without[l.ProductID]; l.Quantity > 0 {
			left = append(left, l)
		}
	}
	return left
}

func units(lines []v1alpha1.StockLine) (n int64) {
	for _, l := range lines {
		n += l.Quantity
	}
	return n
}

// Total returns the sum of an order's lines.
func Total(items []v1alpha1.OrderItem, currency v1alpha1.Currency) (money.Amount, error) {
	return money.Total(string(currency), priced(items))
}

func priced(items []v1alpha1.OrderItem) []money.Line {
	lines := make([]money.Line, len(items))
	for i, item := range items {
		lines[i] = money.Line{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: item.UnitPrice}
	}
	return lines
}

// newReservation is the reservation of an order's stock: named as the order and owned
// by it, so that it goes when the order goes.
func newReservation(o *v1alpha1.Order) *v1alpha1.StockReservation {
	controller, block := true, false
	r := &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Namespace,
			Name:      o.Name,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "Order",
				Name: o.Name, UID: o.UID,
				Controller: &controller, BlockOwnerDeletion: &block,
			}},
		},
		Spec: v1alpha1.StockReservationSpec{
			OrderRef: &v1alpha1.OrderReference{Name: o.Name, UID: string(o.UID)},
			Lines:    StockLines(o.Spec.Items),
			Intent:   v1alpha1.IntentHold,
		},
	}
	if basket := o.Spec.ReservationRef; basket != nil {
		r.Spec.TakeOver = basket.DeepCopy()
		r.Spec.CustomerID = o.Spec.CustomerID
	}
	if hasFinalizer(o, v1alpha1.MirrorFinalizer) {
		addFinalizer(r, v1alpha1.MirrorFinalizer)
	}
	for _, key := range []string{v1alpha1.TraceParentAnnotation, v1alpha1.TraceIDAnnotation} {
		if v, ok := o.Annotations[key]; ok {
			metav1.SetMetaDataAnnotation(&r.ObjectMeta, key, v)
		}
	}
	return r
}

// BelongsTo is whether a reservation was made for this very order, and not for
// an earlier one of the same name or for nobody.
func BelongsTo(r *v1alpha1.StockReservation, o *v1alpha1.Order) bool {
	ref := r.Spec.OrderRef
	return ref != nil && ref.Name == o.Name && ref.UID == string(o.UID)
}

// withIntent returns the reservation with another intent. Restock is what goes
// back on the shelf with IntentRestock; nil is every line.
func withIntent(r *v1alpha1.StockReservation, intent v1alpha1.ReservationIntent, restock *[]v1alpha1.StockLine) *v1alpha1.StockReservation {
	r = r.DeepCopy()
	r.Spec.Intent = intent
	r.Spec.Restock = restock
	return r
}
