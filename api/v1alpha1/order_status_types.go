package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OrderHistoryType names something that happened to an order.
//
// +kubebuilder:validation:Enum=Created;Confirmed;CancelRequested;Cancelled;Fulfilled;ReturnRequested;ReturnRejected;Returned;RefundRequested
type OrderHistoryType string

const (
	HistoryCreated         OrderHistoryType = "Created"
	HistoryConfirmed       OrderHistoryType = "Confirmed"
	HistoryCancelRequested OrderHistoryType = "CancelRequested"
	HistoryCancelled       OrderHistoryType = "Cancelled"
	HistoryFulfilled       OrderHistoryType = "Fulfilled"
	HistoryReturnRequested OrderHistoryType = "ReturnRequested"
	HistoryReturnRejected  OrderHistoryType = "ReturnRejected"
	// HistoryReturned is told of each part that came back.
	HistoryReturned OrderHistoryType = "Returned"
	// HistoryRefundRequested is told with each part that came back.
	HistoryRefundRequested OrderHistoryType = "RefundRequested"
)

// OrderHistoryEntry is one thing that happened to the order.
type OrderHistoryEntry struct {
	// seq counts the entries of this order from 1, without gaps.
	// +required
	// +kubebuilder:validation:Minimum=1
	Seq int64 `json:"seq"`
	// type of what happened.
	// +required
	Type OrderHistoryType `json:"type"`
	// at is when it happened.
	// +required
	At metav1.Time `json:"at"`
	// reason it happened, in one word.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// message for people.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// by is who asked for it; absent when a controller decided it.
	// +optional
	// +kubebuilder:validation:MaxLength=520
	By string `json:"by,omitempty"`
	// requestID of the return it belongs to.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	RequestID string `json:"requestID,omitempty"`
	// units that the entry is about, of an entry ReturnRequested or Returned.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Units []LineUnits `json:"units,omitempty"`
	// refundAmount for what came back, of an entry Returned or RefundRequested: a decimal
	// in the order's currency.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	RefundAmount string `json:"refundAmount,omitempty"`
}

// LineUnits is a number of units of a line of the order.
type LineUnits struct {
	// line of the order: 1 is the first in spec.items.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=250
	Line int32 `json:"line"`
	// quantity in units.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Quantity int64 `json:"quantity"`
}

// OrderReservation says what is known of the order's stock reservation.
//
// +structType=atomic
type OrderReservation struct {
	// name of the StockReservation.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// phase of the reservation when the order last looked.
	// +optional
	Phase StockReservationPhase `json:"phase,omitempty"`
}

// ReturnState is where a return request is.
//
// +kubebuilder:validation:Enum=Requested;Approved;Rejected;Refused
type ReturnState string

const (
	// ReturnRequested waits for a decision.
	ReturnRequested ReturnState = "Requested"
	// ReturnApproved was approved.
	ReturnApproved ReturnState = "Approved"
	// ReturnRejected was rejected by a person.
	ReturnRejected ReturnState = "Rejected"
	// ReturnRefused broke a rule, such as the return window.
	ReturnRefused ReturnState = "Refused"
)

// OrderReturnStatus is the state of the last return request.
type OrderReturnStatus struct {
	// requestID of the request this is about.
	// +required
	// +kubebuilder:validation:MaxLength=63
	RequestID string `json:"requestID"`
	// state of the request.
	// +required
	State ReturnState `json:"state"`
	// reason the customer gave.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	// items that come back, by line, with what the request left out spelled out.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Items []ReturnItem `json:"items,omitempty"`
	// refundAmount that is paid back for this request when it is approved, a decimal in the
	// order's currency.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	RefundAmount string `json:"refundAmount,omitempty"`
	// requestedAt is when the request was accepted.
	// +optional
	RequestedAt *metav1.Time `json:"requestedAt,omitempty"`
	// decidedAt is when it was approved, rejected or refused.
	// +optional
	DecidedAt *metav1.Time `json:"decidedAt,omitempty"`
	// message says why it was rejected or refused.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// OrderReturnedItem is what came back of a line of the order.
type OrderReturnedItem struct {
	// line of the order: 1 is the first in spec.items.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=250
	Line int32 `json:"line"`
	// productID of the line.
	// +required
	// +kubebuilder:validation:MaxLength=63
	ProductID string `json:"productID"`
	// quantity that came back so far.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Quantity int64 `json:"quantity"`
	// restock is how many units of them were to go back on the shelf.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	Restock int64 `json:"restock,omitempty"`
}

// OrderStatus is what happened to the order. Only the order controller writes it.
// +structType=atomic
type OrderStatus struct {
	// observedGeneration is the generation of spec this status answers; -1 when none yet.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase of the order's life.
	// +optional
	// +default="Pending"
	Phase OrderPhase `json:"phase,omitempty"`
	// currency of totalAmount and refundAmount.
	// +optional
	Currency Currency `json:"currency,omitempty"`
	// totalAmount is the sum over the lines of quantity x unitPrice, each rounded half up to
	// the currency's decimals.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	TotalAmount string `json:"totalAmount,omitempty"`
	// refundAmount is the sum of the refunds of all that came back so far, a decimal with
	// the currency's decimals.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	RefundAmount string `json:"refundAmount,omitempty"`
	// returnedItems are what came back so far, by line.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	ReturnedItems []OrderReturnedItem `json:"returnedItems,omitempty"`
	// notRestocked are the units that came back and could not be put back on the shelf, by
	// product; a person has to book them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	NotRestocked []StockLine `json:"notRestocked,omitempty"`
	// reservation that holds the order's stock.
	// +optional
	Reservation *OrderReservation `json:"reservation,omitempty"`
	// shortages are the products for which stock ran short.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=250
	Shortages []StockShortage `json:"shortages,omitempty"`
	// confirmedAt is when every line was reserved.
	// +optional
	ConfirmedAt *metav1.Time `json:"confirmedAt,omitempty"`
	// fulfilledAt is when the order was shipped.
	// +optional
	FulfilledAt *metav1.Time `json:"fulfilledAt,omitempty"`
	// cancelledAt is when the order was cancelled.
	// +optional
	CancelledAt *metav1.Time `json:"cancelledAt,omitempty"`
	// cancelledReason says why the order was cancelled.
	// +optional
	CancelledReason CancelReason `json:"cancelledReason,omitempty"`
	// returnRequestedAt is when the last return request was accepted.
	// +optional
	ReturnRequestedAt *metav1.Time `json:"returnRequestedAt,omitempty"`
	// returnedAt is when the last part came back.
	// +optional
	ReturnedAt *metav1.Time `json:"returnedAt,omitempty"`
	// return is the state of the last return request.
	// +optional
	Return *OrderReturnStatus `json:"return,omitempty"`
	// history is everything that happened to the order, oldest first. Entries
	// are appended and never edited.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	History []OrderHistoryEntry `json:"history,omitempty"`
	// conditions of the order: Confirmed, Fulfilled, Returned, IntentRefused, Stalled, Reconciling.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
