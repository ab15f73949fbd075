package event

import (
	"encoding/json"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Payloads of orders. The contract's fields stand first, as it names them; what follows
// is Orderplane's own, with which a reader of the topics alone knows all of an order's life.

// Item is a line of an order.
type Item struct {
	// The product.
	ProductID string `json:"productId"`
	// How many units were ordered.
	Quantity int64 `json:"quantity"`
	// The price of one unit, with at least the currency's decimals.
	UnitPrice json.Number `json:"unitPrice"`
}

// Address is where the parcel goes.
type Address struct {
	// The person.
	Name string `json:"name,omitempty"`
	// The company.
	Company string `json:"company,omitempty"`
	// Street and house number.
	Street string `json:"street"`
	// A second line: floor, building, care of.
	Street2 string `json:"street2,omitempty"`
	// City or town.
	City string `json:"city"`
	// State, province or region, where the country's addresses have one.
	State string `json:"state,omitempty"`
	// ISO 3166-1 alpha-2 code, or a name.
	Country string `json:"country"`
	// Postal code, where the country has one.
	Zip string `json:"zip,omitempty"`
}

// Contact is how the customer is told about the order.
type Contact struct {
	// Mail address.
	Email string `json:"email,omitempty"`
	// Phone number in E.164 form.
	Phone string `json:"phone,omitempty"`
	// Language of the notifications, a BCP 47 tag.
	Language string `json:"language,omitempty"`
}

// ReturnedUnits are units of a line of the order that come back.
type ReturnedUnits struct {
	// The product.
	ProductID string `json:"productId"`
	// How many units come back.
	Quantity int64 `json:"quantity"`
	// The line of the order: 1 is the first of its items.
	Line int32 `json:"line"`
}

// FailedProduct is a product of which too little was available.
type FailedProduct struct {
	// The product.
	ProductID string `json:"productId"`
	// How many units the order needs.
	Requested int64 `json:"requested"`
	// How many units were available.
	Available int64 `json:"available"`
	// Why they were not enough.
	Reason v1alpha1.ShortageReason `json:"reason"`
}

// OrderCreatedPayload is the payload of order.created.
type OrderCreatedPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// What was ordered, line by line.
	Items []Item `json:"items"`
	// The sum over the items of quantity times unit price, each rounded half up to the currency's decimals. Absent only where currency is.
	TotalAmount json.Number `json:"totalAmount,omitempty"`
	// ISO 4217 code of every amount of the order. Absent only for an order that ended before anybody knew its currency.
	Currency v1alpha1.Currency `json:"currency,omitempty"`
	// Where the parcel goes.
	ShippingAddress Address `json:"shippingAddress"`
	// How the customer is told about the order; absent when nobody is to be told.
	Contact *Contact `json:"contact,omitempty"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
}

// OrderConfirmedPayload is the payload of order.confirmed.
type OrderConfirmedPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// When every line was reserved.
	ConfirmedAt Timestamp `json:"confirmedAt"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
	// What is to be said to people.
	Message string `json:"message,omitempty"`
}

// OrderCancelRequestedPayload is the payload of order.cancel.requested, as Orderplane writes it.
type OrderCancelRequestedPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Why it is to be cancelled.
	Reason v1alpha1.CancelReason `json:"reason"`
	// The products of which too little was available.
	FailedProducts []FailedProduct `json:"failedProducts"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
	// What is to be said to people.
	Message string `json:"message,omitempty"`
}

// OrderCancelledPayload is the payload of order.cancelled.
type OrderCancelledPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// Why it was cancelled.
	Reason v1alpha1.CancelReason `json:"reason"`
	// When it was cancelled.
	CancelledAt Timestamp `json:"cancelledAt"`
	// Whether the order was confirmed before, so that its stock is given back.
	WasConfirmed bool `json:"wasConfirmed"`
	// What was ordered, line by line.
	Items []Item `json:"items"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
	// What is to be said to people.
	Message string `json:"message,omitempty"`
}

// OrderFulfilledPayload is the payload of order.fulfilled.
type OrderFulfilledPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// When the order was shipped.
	FulfilledAt Timestamp `json:"fulfilledAt"`
	// Who took the parcel, where that was said.
	Carrier string `json:"carrier,omitempty"`
	// The carrier's number of the parcel, where that was said.
	TrackingNumber string `json:"trackingNumber,omitempty"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
	// What is to be said to people.
	Message string `json:"message,omitempty"`
}

// OrderReturnRequestedPayload is the payload of order.return.requested.
type OrderReturnRequestedPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// The reason the customer gave.
	Reason string `json:"reason"`
	// What is to come back, by line.
	Items []ReturnedUnits `json:"items"`
	// The id of this request; an order may be returned in several parts.
	ReturnID string `json:"returnId,omitempty"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
}

// OrderReturnRejectedPayload is the payload of order.return.rejected.
type OrderReturnRejectedPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// Why the return was rejected, for the customer.
	Reason string `json:"reason"`
	// The id of the request.
	ReturnID string `json:"returnId,omitempty"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
}

// OrderReturnedPayload is the payload of order.returned.
type OrderReturnedPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// What came back with this return, by line.
	Items []ReturnedUnits `json:"items"`
	// What is paid back for it.
	RefundAmount json.Number `json:"refundAmount"`
	// ISO 4217 code of refundAmount.
	Currency v1alpha1.Currency `json:"currency"`
	// The id of the request.
	ReturnID string `json:"returnId,omitempty"`
	// Who approved it: a person (Approved), or the rule of the order's class (AutoApproved).
	Reason string `json:"reason,omitempty"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it: RETURNED, or FULFILLED while a part is still out.
	Status Status `json:"status"`
	// What is to be said to people: what of it was put back on the shelf.
	Message string `json:"message,omitempty"`
}

// RefundRequestedPayload is the payload of refund.requested.
type RefundRequestedPayload struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Who ordered.
	CustomerID string `json:"customerId"`
	// What is to be paid back now.
	RefundAmount json.Number `json:"refundAmount"`
	// ISO 4217 code of refundAmount.
	Currency v1alpha1.Currency `json:"currency"`
	// The id of the return it is paid for; an order may be returned in several parts.
	ReturnID string `json:"returnId,omitempty"`
	// The number of the event in the life of the order, from 1 and without gaps over all topics.
	Seq int64 `json:"seq"`
	// The state of the order after it.
	Status Status `json:"status"`
}

// UnknownPayload is what is kept of an event that a newer version tells. It is not published.
type UnknownPayload struct {
	OrderID    string `json:"orderId"`
	CustomerID string `json:"customerId"`
	Reason     string `json:"reason,omitempty"`
	Message    string `json:"message,omitempty"`
	ReturnID   string `json:"returnId,omitempty"`
	Seq        int64  `json:"seq"`
}

// CancelRequest is the payload of order.cancel.requested as others write it: anyone may
// ask for an order to be cancelled.
type CancelRequest struct {
	// The order's id.
	OrderID string `json:"orderId"`
	// Why it is to be cancelled.
	Reason v1alpha1.CancelReason `json:"reason"`
}

// NotificationStatus is what became of a notification.
type NotificationStatus string

// What may become of a notification.
const (
	NotificationDelivered NotificationStatus = "DELIVERED"
	NotificationFailed    NotificationStatus = "FAILED"
)

// NotificationSentPayload is the payload of notif.sent.
type NotificationSentPayload struct {
	// The notification's id, and the key of the record.
	NotificationID string `json:"notifId"`
	// The order it is about.
	OrderID string `json:"orderId"`
	// How it went out: EMAIL, SMS or PUSH.
	Channel v1alpha1.NotificationChannel `json:"channel"`
	// Whom it went to: an address, a number or a device.
	Recipient string `json:"recipient"`
	// The text it was made of.
	Template string `json:"template"`
	// What became of it.
	Status NotificationStatus `json:"status"`
}
