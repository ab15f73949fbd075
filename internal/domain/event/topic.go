package event

// Topic is a Kafka topic.
type Topic string

// The topics of the public contract. Those of orders are called as the event is whose
// records they carry.
const (
	TopicOrderCreated         = Topic(OrderCreated)
	TopicOrderCancelled       = Topic(OrderCancelled)
	TopicOrderCancelRequested = Topic(OrderCancelRequested)
	TopicOrderReturnRequested = Topic(OrderReturnRequested)
	TopicOrderReturned        = Topic(OrderReturned)
	TopicInventoryUpdated     = Topic("inventory.updated")
	TopicNotificationSent     = Topic("notif.sent")
	TopicRefundRequested      = Topic("refund.requested")
	// TopicDeadLetters has the records that could not be handled.
	TopicDeadLetters = Topic("order.created.DLT")
)

// Key is what the records of a topic are keyed by. Records of one key stay in order.
type Key string

// What records are keyed by.
const (
	OrderID        Key = "orderId"
	ProductID      Key = "productId"
	NotificationID Key = "notifId"
)

// Topics returns every topic, and what its records are keyed by. A dead letter keeps
// the key of the record it was.
func Topics() map[Topic]Key {
	return map[Topic]Key{
		TopicOrderCreated:         OrderID,
		TopicOrderCancelled:       OrderID,
		TopicOrderCancelRequested: OrderID,
		TopicOrderReturnRequested: OrderID,
		TopicOrderReturned:        OrderID,
		TopicInventoryUpdated:     ProductID,
		TopicNotificationSent:     NotificationID,
		TopicRefundRequested:      OrderID,
		TopicDeadLetters:          OrderID,
	}
}
