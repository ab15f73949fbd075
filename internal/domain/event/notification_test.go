package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/domain/event"
)

func TestANotificationIsTold(t *testing.T) {
	payload := event.NotificationSentPayload{
		NotificationID: "6e524a69-1e0c-5e3d-9aa7-a29e0d462e15", OrderID: "ord-1", Channel: "EMAIL", Recipient: "ines@example.com",
		Template: "order.confirmed", Status: event.NotificationDelivered,
	}
	at := time.Date(2026, 11, 27, 12, 0, 0, 5, time.UTC)
	r, err := event.OfNotification(payload, at, "trace-1")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"eventId":"b15bb88c-8271-52b5-a2ff-faa360bab7e4","eventType":"notif.sent","eventVersion":1,"occurredAt":"2026-11-27T12:00:00Z","traceId":"trace-1","payload":{"notifId":"6e524a69-1e0c-5e3d-9aa7-a29e0d462e15","orderId":"ord-1","channel":"EMAIL","recipient":"ines@example.com","template":"order.confirmed","status":"DELIVERED"}}`
	if diff := cmp.Diff(want, string(r.Value)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if r.Topic != "notif.sent" || r.Key != payload.NotificationID {
		t.Errorf("topic %q, key %q", r.Topic, r.Key)
	}
	again, err := event.OfNotification(payload, at, "trace-1")
	if diff := cmp.Diff(r, again); diff != "" || err != nil {
		t.Errorf("told again, %v (-first +second)\n%s", err, diff)
	}
	later, err := event.OfNotification(payload, at.Add(time.Second), "trace-1")
	if later.ID == r.ID || err != nil {
		t.Errorf("another end has the same id, %v", err)
	}
}
