package testenv

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// The builders give objects as a person writes them, the least that the schema lets
// through; a test adds what it is about.

// Line is some of a product.
func Line(product string, quantity int64) v1alpha1.StockLine {
	return v1alpha1.StockLine{ProductID: product, Quantity: quantity}
}

// Order is an order of these lines, at 19.99 EUR each.
func Order(namespace, name string, lines ...v1alpha1.StockLine) *v1alpha1.Order {
	o := &v1alpha1.Order{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.OrderSpec{
			CustomerID: "cust-42", Currency: "EUR",
			ShippingAddress: v1alpha1.Address{Street: "Main St 1", City: "Berlin", Country: "DE", Zip: "10115"},
		},
	}
	for _, l := range lines {
		o.Spec.Items = append(o.Spec.Items, v1alpha1.OrderItem{ProductID: l.ProductID, Quantity: l.Quantity, UnitPrice: "19.99"})
	}
	return o
}

// Item is a stock item that begins with opening units.
func Item(namespace, name string, opening int64) *v1alpha1.StockItem {
	return &v1alpha1.StockItem{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.StockItemSpec{OpeningQuantity: opening},
	}
}

// Reservation is a reservation without an order that does not expire.
func Reservation(namespace, name string, lines ...v1alpha1.StockLine) *v1alpha1.StockReservation {
	return &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.StockReservationSpec{Lines: lines},
	}
}

// Basket is a reservation that expires.
func Basket(namespace, name string, expires time.Time, lines ...v1alpha1.StockLine) *v1alpha1.StockReservation {
	b := Reservation(namespace, name, lines...)
	b.Spec.ExpiresAt = &metav1.Time{Time: expires}
	return b
}

// Document is a stock document. A correction has a reason, a count was made now.
func Document(namespace, name, product string, kind v1alpha1.AdjustmentKind, quantity int64) *v1alpha1.StockAdjustment {
	d := &v1alpha1.StockAdjustment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.StockAdjustmentSpec{ProductID: product, Kind: kind, Quantity: quantity},
	}
	switch kind {
	case v1alpha1.AdjustmentAdjusted:
		d.Spec.Reason = "a correction"
	case v1alpha1.AdjustmentCounted:
		now := metav1.Now()
		d.Spec.CountedAt = &now
	default: // nothing else is required
	}
	return d
}
