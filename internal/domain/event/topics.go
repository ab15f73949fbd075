package event

// Source is the ce_source of every record of Orderplane's own (CloudEvents). A record
// of another source was written by somebody else.
const Source = "/orderplane"

// Topics of records that no event of an order or of stock is the name of.
const (
	// NotificationSent tells of a notification that went out, or could not.
	NotificationSent Type = "notif.sent"
	// DeadLetters ends the name of a topic that takes the records of another one which
	// could not be handled.
	DeadLetters = ".DLT"
)

// Topic is a topic of the public contract, or of docs/events beyond it.
type Topic struct {
	Name       string
	Partitions int32
}

// Topics returns every topic there is: the contract's nine first, then those of the
// further events, then the dead letters of what Orderplane itself consumes.
func Topics() []Topic {
	return []Topic{
		{string(OrderCreated), 3},
		{string(OrderCancelled), 3},
		{string(OrderCancelRequested), 3},
		{string(OrderReturnRequested), 1},
		{string(OrderReturned), 1},
		{string(InventoryUpdated), 3},
		{string(NotificationSent), 1},
		{string(OrderCreated) + DeadLetters, 1},
		{string(RefundRequested), 1},

		{string(OrderConfirmed), 3},
		{string(OrderFulfilled), 3},
		{string(OrderReturnRejected), 1},

		{string(OrderCancelRequested) + DeadLetters, 1},
		{string(OrderConfirmed) + DeadLetters, 1},
		{string(OrderCancelled) + DeadLetters, 1},
		{string(OrderFulfilled) + DeadLetters, 1},
		{string(OrderReturnRequested) + DeadLetters, 1},
		{string(OrderReturnRejected) + DeadLetters, 1},
		{string(OrderReturned) + DeadLetters, 1},
	}
}

// topicOf is the topic of an event: it has the event's name. It is empty for an event of
// a newer version, which this one does not know.
func topicOf(t Type) string {
	switch t {
	case OrderCreated, OrderConfirmed, OrderCancelRequested, OrderCancelled, OrderFulfilled,
		OrderReturnRequested, OrderReturnRejected, OrderReturned, RefundRequested, InventoryUpdated, NotificationSent:
		return string(t)
	default:
		return ""
	}
}
