package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/orderplane/orderplane/internal/domain/event"
)

func published() event.Record {
	return event.Record{
		ID: uuid.MustParse("d9b1a757-621a-5070-b403-2b69b56a1d1d"), Seq: 7, Type: event.OrderCreated, Topic: "order.created",
		Key: "ord-1", Value: []byte(`{"eventId":"x"}`), At: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC), TraceID: "t-1",
		Object: "ord-1", UID: "6d1c0c1e-8a7e-4c58-9a3a-0b6a3d7c1e55",
	}
}

func TestWhatWasPublishedIsReadBack(t *testing.T) {
	want := published()
	got, ours, err := event.Read(event.Published{Topic: want.Topic, Key: []byte(want.Key), Value: want.Value, Headers: want.Headers()})
	if err != nil || !ours {
		t.Fatalf("ours %v, %v", ours, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatOthersWroteIsNoneOfOurs(t *testing.T) {
	for name, headers := range map[string][]event.Header{
		"no headers":     nil,
		"another source": {{Key: event.HeaderSource, Value: "/shop"}, {Key: "ce_id", Value: "1"}},
	} {
		if _, ours, err := event.Read(event.Published{Topic: "order.created", Headers: headers}); ours || err != nil {
			t.Errorf("%s: ours %v, %v", name, ours, err)
		}
	}
}

func TestABrokenHeaderIsNamed(t *testing.T) {
	r := published()
	for _, name := range []string{"ce_id", "ce_sequence", "ce_time", "ce_identity", "ce_object"} {
		headers := r.Headers()
		for i := range headers {
			if headers[i].Key == name {
				headers[i].Value = ""
			}
		}
		_, ours, err := event.Read(event.Published{Topic: r.Topic, Key: []byte(r.Key), Value: r.Value, Headers: headers})
		if !ours || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: ours %v, %v", name, ours, err)
		}
	}
}
