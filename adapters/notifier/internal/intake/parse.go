package intake

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka/deadletter"
	"github.com/orderplane/orderplane/internal/strictjson"
)

// longest is how long a value may be, in bytes. An order of 250 lines with the longest names has a third of it.
const longest = 512 << 10

// hint is what a record says: which event happened, and to which order.
type hint struct {
	eventID uuid.UUID
	orderID string
	topic   string
	// again: the record was put back, so that what was given up is sent once more.
	again bool
}

// passes says whether a record is none of this group's: somebody asks for a cancel, or another group
// had given it up.
func passes(record *kgo.Record, group string) bool {
	if of := deadletter.Header(record, deadletter.HeaderReplay); of != "" && of != group {
		return true
	}
	return record.Topic == string(event.OrderCancelRequested) && deadletter.Header(record, event.HeaderSource) != event.Source
}

// parse reads the envelope of a record. What it says beyond its event's id is compared with the event
// that ops_orders has, and used for nothing else.
func parse(record *kgo.Record) (hint, error) {
	if len(record.Value) > longest {
		return hint{}, fmt.Errorf("the value has %d bytes; an event has at most %d", len(record.Value), longest)
	}
	if err := strictjson.CheckFolded(record.Value); err != nil {
		return hint{}, fmt.Errorf("the value is no JSON that can be read in one way only: %w", err)
	}
	var envelope event.Envelope[*struct {
		OrderID string `json:"orderId"`
	}]
	if err := json.Unmarshal(record.Value, &envelope); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return hint{}, fmt.Errorf("%s must not be a %s", wrong.Field, wrong.Value)
		}
		return hint{}, errors.New("the value must be an object {eventId, eventType, eventVersion, occurredAt, traceId, payload}")
	}
	switch {
	case envelope.EventVersion != event.Version:
		return hint{}, fmt.Errorf("eventVersion is %d; this version of Orderplane reads %d", envelope.EventVersion, event.Version)
	case string(envelope.EventType) != record.Topic:
		return hint{}, fmt.Errorf("eventType must be %s on this topic", record.Topic)
	case envelope.Payload == nil:
		return hint{}, errors.New("payload is missing")
	case envelope.Payload.OrderID == "":
		return hint{}, errors.New("payload.orderId is missing")
	}
	id, err := uuid.Parse(envelope.EventID)
	if err != nil {
		return hint{}, errors.New("eventId is missing, or no UUID")
	}
	return hint{
		eventID: id, orderID: envelope.Payload.OrderID, topic: record.Topic,
		again: deadletter.Header(record, deadletter.HeaderReplay) != "",
	}, nil
}
