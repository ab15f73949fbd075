package render

import "time"

// Facts are what a text may say of an order. Amounts are decimals in the order's currency, as the events have
// them; a text formats them. What an event does not say is empty.
type Facts struct {
	OrderID string
	// Name is the person that the parcel goes to.
	Name string
	// Address is where it goes, line by line, without the name.
	Address []string
	// Items are the lines of the order.
	Items []Item
	// Total is the sum of the order, in Currency, an ISO 4217 code. Both are empty for an order that ended
	// before its currency was known.
	Total, Currency string
	// Reason is why: a word such as INSUFFICIENT_STOCK of an order that was cancelled, a person's own
	// text of a return.
	Reason string
	// WasConfirmed says of an order that was cancelled whether it had been confirmed.
	WasConfirmed bool
	// Short are the products of which too little was there, of an order that was cancelled for that.
	Short []Item
	// Carrier and Tracking are of the parcel.
	Carrier, Tracking string
	// Returned are the units that come back, or came back, and Refund what is paid back for them.
	Returned []Item
	Refund   string
	// At is when it happened, and Ordered when the order was created.
	At, Ordered time.Time
}

// Item is some of a product.
type Item struct {
	ProductID string
	// Quantity is how many units: of products that were short, how many were available.
	Quantity int64
	// UnitPrice is a decimal; empty where it is not said.
	UnitPrice string
}
