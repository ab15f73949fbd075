package event

import (
	"fmt"
	"time"
)

// OfNotification is the event that a notification was delivered, or failed, at a time. A notification
// that failed and was sent once more has another event for each end.
func OfNotification(n NotificationSentPayload, at time.Time, traceID string) (Record, error) {
	return seal(Record{
		Type: NotificationSent, Key: n.NotificationID, At: at, TraceID: traceID, Object: n.NotificationID, UID: n.NotificationID,
	}, fmt.Sprintf("%s/%s", n.Status, timestamp(at)), n)
}
