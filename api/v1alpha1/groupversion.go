package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "orderplane.dev", Version: "v1alpha1"}

// AddToScheme makes the kinds of this package known to a scheme.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&Order{}, &OrderList{},
		&OrderClass{}, &OrderClassList{},
		&StockReservation{}, &StockReservationList{},
		&StockItem{}, &StockItemList{},
		&StockAdjustment{}, &StockAdjustmentList{},
		&StockJournal{}, &StockJournalList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
