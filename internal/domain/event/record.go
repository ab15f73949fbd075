package event

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Version of every envelope. Fields are added to a payload, and never change.
const Version = 1

// Record is an event as it is stored and published. The same event always has the same
// id and the same bytes, whoever renders it, and from however late a version of its object
// (rules 1 and 2 of docs/design/0015-mirror.md).
type Record struct {
	ID uuid.UUID
	// Seq is the number of the entry in the order's history, or of the decision in the
	// stock journal. It is 0 for a product's opening.
	Seq  int64
	Type Type
	// Topic it is published to; empty for an event of a newer version, which is kept and
	// not published.
	Topic string
	// Key is the order id, or the product's for inventory.updated.
	Key string
	// Value is the JSON of an Envelope.
	Value []byte
	// At is when it happened, in whole seconds, UTC.
	At      time.Time
	TraceID string
	// Object is the name of the order, reservation, document or item it is about, and UID
	// the identity of that object.
	Object, UID string
}

// Header of a record.
type Header struct{ Key, Value string }

// HeaderTraceID carries the id of the request that an event goes back to.
const HeaderTraceID = "X-Trace-Id"

// HeaderSource is the name of the header that says who wrote a record.
const HeaderSource = "ce_source"

// Extension attributes of our own: what stands in order_events or stock_events and in no
// attribute of CloudEvents. With them the tables can be filled again from the topics.
const (
	headerIdentity = "ce_identity"
	headerObject   = "ce_object"
)

// Headers returns what a record is published with: the trace id, and the attributes of
// CloudEvents 1.0 in the binary mode of its Kafka binding. The sequence has leading zeros,
// so that it sorts as a text as well, which the Sequence extension asks for. identity and
// object are extensions of our own: the uid and the name of what the event is about.
func (r *Record) Headers() []Header {
	return []Header{
		{HeaderTraceID, r.TraceID},
		{"ce_specversion", "1.0"},
		{"ce_id", r.ID.String()},
		{HeaderSource, Source},
		{"ce_type", string(r.Type)},
		{"ce_subject", r.Key},
		{"ce_time", string(timestamp(r.At))},
		{"ce_sequence", fmt.Sprintf("%019d", r.Seq)},
		{headerIdentity, r.UID},
		{headerObject, r.Object},
		{"content-type", "application/json"},
	}
}

// Envelope is the value of every record.
type Envelope[P any] struct {
	// The event's own id, a UUID. A record that comes again has the same one.
	EventID string `json:"eventId"`
	// What happened: the name of the topic.
	EventType Type `json:"eventType"`
	// Version of the envelope and its payload.
	EventVersion int `json:"eventVersion"`
	// When it happened, in whole seconds.
	OccurredAt Timestamp `json:"occurredAt"`
	// The id of the request that it goes back to, as X-Trace-Id has it.
	TraceID string `json:"traceId"`
	// What is to be known of it.
	Payload P `json:"payload"`
}

// Timestamp is a time of RFC 3339 in UTC and whole seconds.
type Timestamp string

func timestamp(t time.Time) Timestamp { return Timestamp(t.UTC().Format("2006-01-02T15:04:05Z")) }

// seal fills in what follows from the rest of a record, and writes its value. distinct
// is what tells it from other events of the same entry; empty where there is one.
func seal[P any](r Record, distinct string, payload P) (Record, error) {
	r.At = r.At.UTC().Truncate(time.Second)
	r.Topic = topicOf(r.Type)
	r.ID = idOf(r.UID, r.Seq, r.Type, distinct)
	if r.TraceID == "" {
		r.TraceID = madeTraceID(r.UID)
	}
	var value bytes.Buffer
	enc := json.NewEncoder(&value)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(Envelope[P]{
		EventID: r.ID.String(), EventType: r.Type, EventVersion: Version,
		OccurredAt: timestamp(r.At), TraceID: r.TraceID, Payload: payload,
	}); err != nil {
		return Record{}, fmt.Errorf("event %d of %s: %w", r.Seq, r.Object, err)
	}
	r.Value = bytes.TrimSuffix(value.Bytes(), []byte("\n"))
	return r, nil
}

// namespace of the ids made here (UUID version 5). It never changes: every id hangs on it.
func namespace() uuid.UUID {
	return uuid.UUID{0x5d, 0x3c, 0x1b, 0x0e, 0x6f, 0x0a, 0x4c, 0x6e, 0x9a, 0x51, 0x0f, 0xd2, 0x7b, 0x6e, 0x8c, 0x15}
}

func idOf(identity string, seq int64, t Type, distinct string) uuid.UUID {
	name := fmt.Sprintf("%s/%d/%s", identity, seq, t)
	if distinct != "" {
		name += "/" + distinct
	}
	return uuid.NewSHA1(namespace(), []byte(name))
}

// madeTraceID is the trace id of what goes back to no request that is known: it is made
// of the identity, in the form of W3C Trace Context.
func madeTraceID(identity string) string {
	id := uuid.NewSHA1(namespace(), []byte(identity+"/trace"))
	return hex.EncodeToString(id[:])
}
