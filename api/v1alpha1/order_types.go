package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OrderPhase is where an order is in its life.
//
// +kubebuilder:validation:Enum=Pending;Confirmed;Fulfilled;ReturnRequested;Returned;Cancelled
type OrderPhase string

const (
	// OrderPending waits for its stock to be reserved. It holds nothing yet.
	OrderPending OrderPhase = "Pending"
	// OrderConfirmed has every line reserved.
	OrderConfirmed OrderPhase = "Confirmed"
	// OrderFulfilled was shipped: its stock left the shelf. A part of it may have come back.
	OrderFulfilled OrderPhase = "Fulfilled"
	// OrderReturnRequested waits for a decision about a return.
	OrderReturnRequested OrderPhase = "ReturnRequested"
	// OrderReturned is final: everything came back, and its refund was requested.
	OrderReturned OrderPhase = "Returned"
	// OrderCancelled is final: nothing is held for it.
	OrderCancelled OrderPhase = "Cancelled"
)

// CancelReason says why an order was cancelled, in the words of the public contract.
//
// +kubebuilder:validation:Enum=CUSTOMER_REQUEST;PAYMENT_FAILED;INSUFFICIENT_STOCK;SLA_TIMEOUT
type CancelReason string

const (
	CancelCustomerRequest   CancelReason = "CUSTOMER_REQUEST"
	CancelPaymentFailed     CancelReason = "PAYMENT_FAILED"
	CancelInsufficientStock CancelReason = "INSUFFICIENT_STOCK"
	CancelSLATimeout        CancelReason = "SLA_TIMEOUT"
)

// Condition types of an Order.
const (
	// OrderConditionConfirmed is True once every line was reserved, and stays so.
	OrderConditionConfirmed = "Confirmed"
	// OrderConditionFulfilled is True once the order was shipped.
	OrderConditionFulfilled = "Fulfilled"
	// OrderConditionReturned is True once everything came back, and False with the
	// reason PartlyReturned while only a part did.
	OrderConditionReturned = "Returned"
	// OrderConditionIntentRefused is True when the last intent in spec came too
	// late or lost a race; its reason and message say which and why. It goes
	// away when nothing in spec is refused any more.
	OrderConditionIntentRefused = "IntentRefused"
	// OrderConditionStalled is True when the order can't go on without a person.
	OrderConditionStalled = "Stalled"
	// OrderConditionReconciling is True where an order is still on its way
	// although its status answers for its spec.
	OrderConditionReconciling = "Reconciling"
)

// OrderFinalizer keeps an order until its reservation is gone.
const OrderFinalizer = "orderplane.dev/order"

// OrderItem is one line of an order.
type OrderItem struct {
	// productID is the name of the StockItem that is ordered.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	ProductID string `json:"productID"`
	// quantity is how many units are ordered.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Quantity int64 `json:"quantity"`
	// unitPrice is the price of one unit in the order's currency: a decimal
	// written as a string, such as "19.99", never below zero, with at most four
	// decimals more than the currency has. A line's total is rounded half up, once.
	// +required
	// +kubebuilder:validation:MaxLength=21
	// +kubebuilder:validation:Pattern=`^(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?$`
	UnitPrice string `json:"unitPrice"`
}

// ReservationReference points at a StockReservation in the same namespace.
//
// +structType=atomic
type ReservationReference struct {
	// name of the reservation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
}

// Cancellation is the intent to cancel.
type Cancellation struct {
	// reason for the cancellation.
	// +required
	Reason    CancelReason `json:"reason"`
	Requester `json:",inline"`
}

// Fulfillment is the intent to fulfil: the goods left the warehouse.
type Fulfillment struct {
	// carrier that took the parcel.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Carrier string `json:"carrier,omitempty"`
	// trackingNumber the carrier gave it.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	TrackingNumber string `json:"trackingNumber,omitempty"`
	Requester      `json:",inline"`
}

// ReturnVerdict is the decision about a return.
//
// +kubebuilder:validation:Enum=Approve;Reject
type ReturnVerdict string

const (
	VerdictApprove ReturnVerdict = "Approve"
	VerdictReject  ReturnVerdict = "Reject"
)

// ReturnDecision answers a return request.
//
// +kubebuilder:validation:XValidation:rule="self.verdict != 'Reject' || (has(self.reason) && size(self.reason) > 0)",message="a rejection needs a reason: the customer is told it",fieldPath=".reason"
type ReturnDecision struct {
	// verdict is Approve or Reject.
	// +required
	Verdict ReturnVerdict `json:"verdict"`
	// reason for the verdict; required for a rejection, and shown to the customer.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Reason string `json:"reason,omitempty"`
	// restock says whether what came back is put back on the shelf; false when
	// it can't be sold again. True when absent.
	// +optional
	Restock   *bool `json:"restock,omitempty"`
	Requester `json:",inline"`
}

// ReturnItem is a product, or a line of the order, of which units come back.
type ReturnItem struct {
	// line of the order that the units are of: 1 is the first in spec.items. It may be
	// left out unless the product stands in several lines at different prices.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=250
	Line *int32 `json:"line,omitempty"`
	// productID of a line of the order.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	ProductID string `json:"productID"`
	// quantity that comes back, at most what is left of what was ordered.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=250000000
	Quantity int64 `json:"quantity"`
}

// Return is the intent to return what was shipped, and the decision about it.
//
// +kubebuilder:validation:XValidation:rule="self.requestID != oldSelf.requestID || (self.reason == oldSelf.reason && has(self.items) == has(oldSelf.items) && (!has(self.items) || self.items == oldSelf.items))",message="a return request is never changed; ask again with a new requestID"
// +kubebuilder:validation:XValidation:rule="self.requestID != oldSelf.requestID || !has(oldSelf.decision) || (has(self.decision) && self.decision == oldSelf.decision)",message="a decision is set once and never changed",fieldPath=".decision"
type Return struct {
	// requestID names this request. A new id asks again, after a rejection or for another part.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	RequestID string `json:"requestID"`
	// reason the customer gives.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`
	Reason string `json:"reason"`
	// items that come back, each line once; all that did not come back yet when absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	// +kubebuilder:validation:XValidation:rule="[self.filter(r, has(r.line)).map(r, r.line)].all(lines, lines.all(n, lines.indexOf(n) == lines.lastIndexOf(n))) && [self.map(r, r.productID)].all(names, self.all(r, has(r.line) || names.indexOf(r.productID) == names.lastIndexOf(r.productID)))",message="name each line once, and a product without a line once and alone"
	Items []ReturnItem `json:"items,omitempty"`
	// decision about this request, by whoever has the verb "approve" on orders/return.
	// +optional
	Decision *ReturnDecision `json:"decision,omitempty"`
	// requestedAt is when this was asked for: what counts for the return window.
	// Filled in at admission; what a client writes here is replaced.
	// +optional
	RequestedAt *metav1.Time `json:"requestedAt,omitempty"`
	Requester   `json:",inline"`
}

// OrderPolicy is what an OrderClass says about an order's life. The rules of its durations
// let through what Go's time.ParseDuration reads, and no sum that overflows.
type OrderPolicy struct {
	// pendingTimeout is how long an order may stay Pending before it is
	// cancelled with SLA_TIMEOUT. 15 minutes unless the class says otherwise.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-+]?(0|([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,7}([.][0-9]{1,9})?m|[0-9]{1,9}([.][0-9]{1,9})?s|[0-9]{1,15}([.][0-9]{1,9})?(ns|us|µs|μs|ms))*)$') && self.matches('[0-9]') && duration(self) >= duration('1s') && duration(self) <= duration('168h')",message="pendingTimeout is a duration from 1s to 168h, such as 15m or 1h30m"
	PendingTimeout *metav1.Duration `json:"pendingTimeout,omitempty"`
	// returnWindow is how long after fulfilment a return may be asked for.
	// 720h (30 days) unless the class says otherwise.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-+]?(0|([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,7}([.][0-9]{1,9})?m|[0-9]{1,9}([.][0-9]{1,9})?s|[0-9]{1,15}([.][0-9]{1,9})?(ns|us|µs|μs|ms))*)$') && self.matches('[0-9]') && duration(self) >= duration('0s')",message="returnWindow is a duration of 0s or more, such as 720h"
	ReturnWindow *metav1.Duration `json:"returnWindow,omitempty"`
	// retention is how long a finished order stays in the cluster.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-+]?(0|([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,7}([.][0-9]{1,9})?m|[0-9]{1,9}([.][0-9]{1,9})?s|[0-9]{1,15}([.][0-9]{1,9})?(ns|us|µs|μs|ms))*)$') && self.matches('[0-9]') && duration(self) >= duration('0s')",message="retention is a duration of 0s or more, such as 2160h"
	Retention *metav1.Duration `json:"retention,omitempty"`
	// autoApproveReturns is a CEL expression that yields true when a return is
	// approved without a person. It sees the order as `order` and the amounts in
	// minor units of the order's currency, as the ints refundMinor (of this request),
	// refundedMinor (of all parts before it) and totalMinor:
	// "refundedMinor + refundMinor <= 2000 && order.status.currency == 'EUR'". Never when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=1000
	// +kubebuilder:validation:Pattern=`^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$`
	AutoApproveReturns string `json:"autoApproveReturns,omitempty"`
	// notificationChannels on which the customer is told; all that the contact
	// allows when absent. Empty is refused: it could be read as none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	NotificationChannels []NotificationChannel `json:"notificationChannels,omitempty"`
}

// NotificationChannel is a way to tell a customer something.
//
// +kubebuilder:validation:Enum=EMAIL;SMS;PUSH
type NotificationChannel string

// OrderSpec is what a customer wants, and what is wanted of the order since.
//
// What was ordered, where it goes and who is told never change. Each intent (cancellation, fulfillment,
// return, return.decision) is set once, only in a phase that allows it, and
// never removed.
//
// +kubebuilder:validation:XValidation:rule="has(self.className) == has(oldSelf.className)",message="an order keeps its class",fieldPath=".className"
// +kubebuilder:validation:XValidation:rule="has(self.currency) == has(oldSelf.currency)",message="an order keeps its currency",fieldPath=".currency"
// +kubebuilder:validation:XValidation:rule="has(self.reservationRef) == has(oldSelf.reservationRef)",message="an order keeps the reservation it takes over",fieldPath=".reservationRef"
// +kubebuilder:validation:XValidation:rule="has(self.contact) == has(oldSelf.contact)",message="an order keeps its contact; cancel it and create another",fieldPath=".contact"
// +kubebuilder:validation:XValidation:rule="has(self.policy) == has(oldSelf.policy)",message="an order keeps the policy it was created under",fieldPath=".policy"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.cancellation) || has(self.cancellation)",message="a cancellation is set once and never changed",fieldPath=".cancellation"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.fulfillment) || has(self.fulfillment)",message="a fulfillment is set once and never changed",fieldPath=".fulfillment"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.return) || has(self.__return__)",message="a return request is never removed",fieldPath=".return"
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || [self.?currency.orValue('USD')].all(c, self.items.all(i, !i.unitPrice.contains('.') || size(i.unitPrice) - i.unitPrice.indexOf('.') - 1 <= (c in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','VND','VUV','XAF','XOF','XPF'] ? 0 : c in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? 3 : c in ['CLF','UYW'] ? 4 : 2) + 4))",optionalOldSelf=true,message="a unitPrice has more than four decimals beyond those of the order's currency (ISO 4217)",fieldPath=".items"
type OrderSpec struct {
	// className is the OrderClass this order follows; the class marked default when absent.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an order keeps its class"
	ClassName string `json:"className,omitempty"`
	// customerID is who ordered: the subject of their token, as OpenID Connect
	// limits it. 1 to 255 visible ASCII characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[!-~]{1,255}$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an order keeps its customer; cancel it and create another"
	CustomerID string `json:"customerID"`
	// currency of every price in this order, an ISO 4217 code; the class's
	// default, or USD, when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an order keeps its currency"
	Currency Currency `json:"currency,omitempty"`
	// items are the lines of the order. All of them are reserved, or none.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the lines of an order never change; cancel it and create another"
	Items []OrderItem `json:"items"`
	// reservationRef is a free-standing reservation that the order's own takes over, such
	// as the customer's basket: what that holds counts as available for this order.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an order keeps the reservation it takes over"
	ReservationRef *ReservationReference `json:"reservationRef,omitempty"`
	// shippingAddress the parcel goes to.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an order keeps its address; cancel it and create another"
	ShippingAddress Address `json:"shippingAddress"`
	// contact of the customer for notifications.
	// +optional
	// +kubebuilder:validation:XValidation:rule="(has(self.email) ? self.email : '') == (has(oldSelf.email) ? oldSelf.email : '') && (has(self.phone) ? self.phone : '') == (has(oldSelf.phone) ? oldSelf.phone : '') && (has(self.language) ? self.language : '') == (has(oldSelf.language) ? oldSelf.language : '')",message="an order keeps its contact; cancel it and create another"
	Contact *Contact `json:"contact,omitempty"`
	// policy the order was created under, taken from its class at admission.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an order keeps the policy it was created under"
	Policy *OrderPolicy `json:"policy,omitempty"`

	// cancellation asks to cancel; allowed before shipment (Pending, Confirmed).
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a cancellation is set once and never changed"
	Cancellation *Cancellation `json:"cancellation,omitempty"`
	// fulfillment says that the order was shipped; allowed when Confirmed.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a fulfillment is set once and never changed"
	Fulfillment *Fulfillment `json:"fulfillment,omitempty"`
	// return asks to send goods back; allowed when Fulfilled, within the return window, and
	// again with a new requestID until everything came back.
	// +optional
	Return *Return `json:"return,omitempty"`
}

// Order is what a customer wants to buy, and what became of it. Its name is the order id.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ord,categories=orderplane
// +kubebuilder:selectablefield:JSONPath=".spec.customerID"
// +kubebuilder:selectablefield:JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=".spec.customerID"
// +kubebuilder:printcolumn:name="Total",type=string,JSONPath=".status.totalAmount"
// +kubebuilder:printcolumn:name="Currency",type=string,JSONPath=".status.currency"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=".status.cancelledReason",priority=1
// +kubebuilder:printcolumn:name="Reservation",type=string,JSONPath=".status.reservation.phase",priority=1
// +kubebuilder:printcolumn:name="Class",type=string,JSONPath=".spec.className",priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || size(self.metadata.name) <= 63",optionalOldSelf=true,message="an order's name is its id and has at most 63 characters"
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || !has(self.spec.reservationRef) || self.spec.reservationRef.name != self.metadata.name",optionalOldSelf=true,message="the order's own reservation takes the order's name; a basket has another",fieldPath=".spec.reservationRef.name"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.fulfillment) || (oldSelf.hasValue() && (has(oldSelf.value().spec.fulfillment) || (has(oldSelf.value().status) && oldSelf.value().status.phase == 'Confirmed' && !has(oldSelf.value().spec.cancellation) && !has(self.spec.cancellation))))",optionalOldSelf=true,message="only a Confirmed order that nobody asked to cancel can be fulfilled",reason=FieldValueForbidden,fieldPath=".spec.fulfillment"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.cancellation) || !oldSelf.hasValue() || has(oldSelf.value().spec.cancellation) || (has(oldSelf.value().status) && oldSelf.value().status.phase in ['Pending', 'Confirmed'] && !has(oldSelf.value().spec.fulfillment))",optionalOldSelf=true,message="only an order that is Pending or Confirmed and not shipped can be cancelled; ask for a return instead",reason=FieldValueForbidden,fieldPath=".spec.cancellation"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.__return__) || (oldSelf.hasValue() && ((has(oldSelf.value().spec.__return__) && oldSelf.value().spec.__return__.requestID == self.spec.__return__.requestID) || (has(oldSelf.value().status) && oldSelf.value().status.phase == 'Fulfilled')))",optionalOldSelf=true,message="only a Fulfilled order can be returned",reason=FieldValueForbidden,fieldPath=".spec.return"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.__return__) || !has(self.spec.__return__.decision) || (oldSelf.hasValue() && has(oldSelf.value().spec.__return__) && oldSelf.value().spec.__return__.requestID == self.spec.__return__.requestID && (has(oldSelf.value().spec.__return__.decision) || (has(oldSelf.value().status) && oldSelf.value().status.phase == 'ReturnRequested')))",optionalOldSelf=true,message="only a return that was requested (phase ReturnRequested) can be decided",reason=FieldValueForbidden,fieldPath=".spec.return.decision"
type Order struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +required
	Spec OrderSpec `json:"spec"`
	// status is what happened.
	// +optional
	// +default={"observedGeneration":-1,"phase":"Pending"}
	Status OrderStatus `json:"status,omitzero"`
}

// OrderList is a list of orders.
//
// +kubebuilder:object:root=true
type OrderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Order `json:"items"`
}
