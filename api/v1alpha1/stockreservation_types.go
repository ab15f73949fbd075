package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ReservationIntent is what the owner of a reservation wants done with it.
//
// +kubebuilder:validation:Enum=Hold;Commit;Release;Restock
type ReservationIntent string

const (
	// IntentHold wants the lines reserved.
	IntentHold ReservationIntent = "Hold"
	// IntentCommit wants what is reserved taken off the shelf.
	IntentCommit ReservationIntent = "Commit"
	// IntentRelease wants what is reserved given back.
	IntentRelease ReservationIntent = "Release"
	// IntentRestock wants what was committed put back on the shelf.
	IntentRestock ReservationIntent = "Restock"
)

// StockReservationPhase is what was decided about a reservation.
//
// +kubebuilder:validation:Enum=Pending;Reserved;Rejected;Released;Committed;Restocked
type StockReservationPhase string

const (
	// ReservationPending waits for a decision and holds nothing.
	ReservationPending StockReservationPhase = "Pending"
	// ReservationReserved holds every line.
	ReservationReserved StockReservationPhase = "Reserved"
	// ReservationRejected is final: stock was short, nothing is held.
	ReservationRejected StockReservationPhase = "Rejected"
	// ReservationReleased is final: what was held was given back.
	ReservationReleased StockReservationPhase = "Released"
	// ReservationCommitted took its lines off the shelf.
	ReservationCommitted StockReservationPhase = "Committed"
	// ReservationRestocked had something put back of what it took; more may come back.
	ReservationRestocked StockReservationPhase = "Restocked"
)

const (
	// ReservationConditionReserved is True while the lines are held or were taken.
	ReservationConditionReserved = "Reserved"
)

// StockLine is a quantity of one product.
type StockLine struct {
	// productID is the name of a StockItem.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	ProductID string `json:"productID"`
	// quantity in units.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000000
	Quantity int64 `json:"quantity"`
}

// OrderReference points at an order in the same namespace.
//
// +structType=atomic
type OrderReference struct {
	// name of the order.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Name string `json:"name"`
	// uid of the order.
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	UID string `json:"uid"`
}

// StockReservationSpec is the claim.
//
// +kubebuilder:validation:XValidation:rule="has(self.orderRef) == has(oldSelf.orderRef)",message="a reservation keeps its order",fieldPath=".orderRef"
// +kubebuilder:validation:XValidation:rule="!has(self.orderRef) || !has(self.expiresAt)",message="a reservation of an order ends with the order and has no time of its own",fieldPath=".expiresAt"
// +kubebuilder:validation:XValidation:rule="has(self.customerID) == has(oldSelf.customerID)",message="a reservation keeps its customer",fieldPath=".customerID"
// +kubebuilder:validation:XValidation:rule="has(self.takeOver) == has(oldSelf.takeOver)",message="what a reservation takes over is said when it is made",fieldPath=".takeOver"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.restock) || has(self.restock)",message="restock only grows: name at least what was named before",fieldPath=".restock"
// +kubebuilder:validation:XValidation:rule="!has(self.restock) || self.intent == 'Restock'",message="restock goes with the intent Restock",fieldPath=".restock"
// +kubebuilder:validation:XValidation:rule="!has(self.restock) || has(oldSelf.restock) || oldSelf.intent != 'Restock'",message="restock is set together with the intent Restock",fieldPath=".restock"
// +kubebuilder:validation:XValidation:rule="!has(self.restock) || [self.lines.map(l, l.productID)].all(names, self.restock.all(r, r.productID in names && r.quantity <= self.lines[names.indexOf(r.productID)].quantity))",message="restock names what was reserved, and at most as much",fieldPath=".restock"
type StockReservationSpec struct {
	// orderRef is the order the stock is held for; absent for a free-standing
	// reservation, such as a basket.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a reservation keeps its order"
	OrderRef *OrderReference `json:"orderRef,omitempty"`
	// lines to reserve, each product once: all of them or none.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the lines of a reservation never change; release it and create another"
	// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || [self.map(l, l.productID)].all(names, names.all(n, names.indexOf(n) == names.lastIndexOf(n)))",optionalOldSelf=true,message="name each product once"
	Lines []StockLine `json:"lines"`
	// customerID is whose reservation it is; absent when nobody's in particular. One of
	// another customer never takes it over.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[!-~]{1,255}$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a reservation keeps its customer"
	CustomerID string `json:"customerID,omitempty"`
	// takeOver names a free-standing reservation of the namespace, such as the customer's
	// basket, that ends in favor of this one: when this one is decided, what that one holds
	// counts as available for it, and that one is released in the same moment. If it is
	// short even so, that one stays. Without effect when that one is not Reserved by then,
	// belongs to an order, or to another customer.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="what a reservation takes over is said when it is made"
	TakeOver *ReservationReference `json:"takeOver,omitempty"`
	// intent is what is wanted: Hold, then Commit or Release; after Commit, Restock.
	// +optional
	// +default="Hold"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf || oldSelf == 'Hold' || (oldSelf == 'Commit' && self == 'Restock')",message="intent goes from Hold to Commit, Release or Restock, and from Commit to Restock"
	Intent ReservationIntent `json:"intent,omitempty"`
	// restock is all that is wanted back on the shelf with the intent Restock, by product:
	// the sum of every part that came back. It only grows. Every line when absent, nothing
	// when empty.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	// +kubebuilder:validation:XValidation:rule="[self.map(r, r.productID)].all(names, names.all(n, names.indexOf(n) == names.lastIndexOf(n)))",message="name each product once"
	// +kubebuilder:validation:XValidation:rule="[self.map(r, r.productID)].all(names, oldSelf.all(o, o.productID in names && self[names.indexOf(o.productID)].quantity >= o.quantity))",message="restock only grows: name at least what was named before"
	Restock *[]StockLine `json:"restock,omitempty"`
	// expiresAt is when what is held is released by itself. May be moved while
	// the reservation holds.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// StockAllocation is what a reservation holds of one item.
type StockAllocation struct {
	// productID is the name of the StockItem.
	// +required
	// +kubebuilder:validation:MaxLength=63
	ProductID string `json:"productID"`
	// itemUID is the uid of that StockItem: one deleted and made again is another.
	// +required
	// +kubebuilder:validation:MaxLength=64
	ItemUID string `json:"itemUID"`
	// quantity held, in units.
	// +required
	Quantity int64 `json:"quantity"`
}

// ShortageReason says why a product could not be reserved.
//
// +kubebuilder:validation:Enum=InsufficientStock;UnknownProduct;Oversold
type ShortageReason string

const (
	// ShortageInsufficientStock: fewer units are available than were asked for.
	ShortageInsufficientStock ShortageReason = "InsufficientStock"
	// ShortageUnknownProduct: there is no StockItem of that name.
	ShortageUnknownProduct ShortageReason = "UnknownProduct"
	// ShortageOversold: a count found less than is already promised.
	ShortageOversold ShortageReason = "Oversold"
)

// StockShortage is a product of which there was not enough.
type StockShortage struct {
	// productID that is short.
	// +required
	// +kubebuilder:validation:MaxLength=63
	ProductID string `json:"productID"`
	// requested units.
	// +required
	Requested int64 `json:"requested"`
	// available units when it was decided; below zero when more is promised
	// than there is.
	// +required
	Available int64 `json:"available"`
	// reason it is short.
	// +optional
	Reason ShortageReason `json:"reason,omitempty"`
}

// StockMovementLine is what a decision did to one product.
type StockMovementLine struct {
	// productID the decision touched.
	// +required
	// +kubebuilder:validation:MaxLength=63
	ProductID string `json:"productID"`
	// quantity in units.
	// +required
	Quantity int64 `json:"quantity"`
	// remaining units available after the decision.
	// +required
	Remaining int64 `json:"remaining"`
	// notMoved are those of the units that changed no shelf, because their StockItem is gone,
	// was made again, or is being deleted.
	// +optional
	NotMoved int64 `json:"notMoved,omitempty"`
}

// RestockedLine is what became of the units of one product that came back.
type RestockedLine struct {
	// productID is the name of the StockItem.
	// +required
	// +kubebuilder:validation:MaxLength=63
	ProductID string `json:"productID"`
	// quantity of units that were decided about so far, of those that spec.restock wants back.
	// +required
	Quantity int64 `json:"quantity"`
	// notRestocked are those of them that could not be put back on the shelf: the StockItem
	// they were taken from is gone, was made again, or is being deleted.
	// +optional
	NotRestocked int64 `json:"notRestocked,omitempty"`
}

// ReservationHistoryEntry is one decision about the reservation.
type ReservationHistoryEntry struct {
	// seq of the decision in the namespace's stock journal.
	// +required
	Seq int64 `json:"seq"`
	// phase the decision led to.
	// +required
	Phase StockReservationPhase `json:"phase"`
	// at is when it was decided.
	// +required
	At metav1.Time `json:"at"`
	// reason for it, in one word.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// lines it touched.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Lines []StockMovementLine `json:"lines,omitempty"`
}

// StockReservationStatus is what was decided. Only the stock controller writes it.
// +structType=atomic
type StockReservationStatus struct {
	// observedGeneration is the generation of spec this status answers; -1 when none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase that was decided.
	// +optional
	// +default="Pending"
	Phase StockReservationPhase `json:"phase,omitempty"`
	// allocations are what is held, or was taken.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Allocations []StockAllocation `json:"allocations,omitempty"`
	// shortages are why it was rejected.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Shortages []StockShortage `json:"shortages,omitempty"`
	// restocked is what became of the units that came back, by product, each restock added up.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Restocked []RestockedLine `json:"restocked,omitempty"`
	// history of the decisions, oldest first. Of many restocks the oldest are left out;
	// restocked has the sum of all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	History []ReservationHistoryEntry `json:"history,omitempty"`
	// conditions of the reservation: Reserved.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// StockReservation is an all-or-nothing claim on stock.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rsv,categories=orderplane
// +kubebuilder:selectablefield:JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Intent",type=string,JSONPath=".spec.intent"
// +kubebuilder:printcolumn:name="Order",type=string,JSONPath=".spec.orderRef.name"
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=".spec.expiresAt",priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type StockReservation struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the claim.
	// +required
	Spec StockReservationSpec `json:"spec"`
	// status is what was decided.
	// +optional
	// +default={"observedGeneration":-1,"phase":"Pending"}
	Status StockReservationStatus `json:"status,omitzero"`
}

// StockReservationList is a list of reservations.
//
// +kubebuilder:object:root=true
type StockReservationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StockReservation `json:"items"`
}
