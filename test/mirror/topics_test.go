//go:build linux

package mirror_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// told is one record as a consumer sees it.
type told struct {
	Topic   string
	Key     string
	Seq     int64
	Value   []byte
	Payload payload
	Type    string
	// Stamp is the record's timestamp in milliseconds.
	Stamp int64
}

// payload has the fields of all payloads that these tests look at.
type payload struct {
	OrderID         string          `json:"orderId"`
	CustomerID      string          `json:"customerId"`
	Items           []item          `json:"items"`
	TotalAmount     json.Number     `json:"totalAmount"`
	Currency        string          `json:"currency"`
	ShippingAddress json.RawMessage `json:"shippingAddress"`
	Reason          string          `json:"reason"`
	CancelledAt     string          `json:"cancelledAt"`
	WasConfirmed    bool            `json:"wasConfirmed"`
	ConfirmedAt     string          `json:"confirmedAt"`
	FulfilledAt     string          `json:"fulfilledAt"`
	RefundAmount    json.Number     `json:"refundAmount"`
	ProductID       string          `json:"productId"`
	Status          string          `json:"status"`
	Delta           int64           `json:"delta"`
	ItemUID         string          `json:"itemUid"`
}

type item struct {
	Line      int         `json:"line,omitempty"`
	ProductID string      `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice json.Number `json:"unitPrice,omitempty"`
}

// reader reads the topics of what happens from their start, and nothing else. What it finds out of order
// it remembers as a problem.
type reader struct {
	client *kgo.Client

	mu       sync.Mutex
	values   map[string]string // what an event id said
	firsts   map[string][]told // first appearances by topic and key, in order of arrival
	repeats  int
	problems []string
}

func newReader(bootstrap string) (*reader, error) {
	var topics []string
	for _, t := range event.Topics() {
		if t.Name != string(event.NotificationSent) && !strings.HasSuffix(t.Name, event.DeadLetters) {
			topics = append(topics, t.Name)
		}
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.UnknownTopicRetries(-1))
	if err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	return &reader{client: c, values: map[string]string{}, firsts: map[string][]told{}}, nil
}

// read reads until ctx is over.
func (r *reader) read(ctx context.Context) {
	for ctx.Err() == nil {
		r.client.PollFetches(ctx).EachRecord(r.record)
	}
}

func (r *reader) record(k *kgo.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var body struct {
		EventID   string  `json:"eventId"`
		EventType string  `json:"eventType"`
		Payload   payload `json:"payload"`
	}
	if err := json.Unmarshal(k.Value, &body); err != nil {
		r.problem("%s/%d@%d is no event: %v", k.Topic, k.Partition, k.Offset, err)
		return
	}
	this := told{Topic: k.Topic, Key: string(k.Key), Value: k.Value, Payload: body.Payload, Type: body.EventType, Stamp: k.Timestamp.UnixMilli()}
	for _, h := range k.Headers {
		if h.Key == "ce_sequence" {
			this.Seq, _ = strconv.ParseInt(string(h.Value), 10, 64)
		}
	}
	if was, again := r.values[body.EventID]; again {
		r.repeats++
		if was != string(k.Value) {
			r.problem("event %s says\n%s\nand later\n%s", body.EventID, was, k.Value)
		}
		return
	}
	r.values[body.EventID] = string(k.Value)
	place := k.Topic + "/" + this.Key
	if before := r.firsts[place]; this.Seq > 0 && len(before) > 0 && before[len(before)-1].Seq > this.Seq {
		r.problem("%s: %d appears after %d", place, this.Seq, before[len(before)-1].Seq)
	}
	r.firsts[place] = append(r.firsts[place], this)
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// orders are the events of each order, by number.
func (r *reader) orders() map[string][]told {
	return r.by(func(t told) (string, bool) { return t.Key, t.Topic != "inventory.updated" })
}

// products are the decisions of each product, by number.
func (r *reader) products() map[string][]told {
	return r.by(func(t told) (string, bool) { return t.Key, t.Topic == "inventory.updated" })
}

func (r *reader) by(key func(told) (string, bool)) map[string][]told {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[string][]told{}
	for _, all := range r.firsts {
		for _, t := range all {
			if k, wanted := key(t); wanted {
				found[k] = append(found[k], t)
			}
		}
	}
	for _, all := range found {
		slices.SortStableFunc(all, func(a, b told) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
	}
	return found
}

// check fails the test with everything the topics have wrong in themselves: first
// appearances out of order or with a gap, an id with two meanings.
func (r *reader) check(t *testing.T) {
	t.Helper()
	for id, events := range r.orders() {
		for i, e := range events {
			if e.Seq != int64(i+1) {
				t.Errorf("order %s: event %d has the number %d (%s)", id, i+1, e.Seq, e.Type)
				break
			}
			if i > 0 && e.Stamp < events[i-1].Stamp {
				t.Errorf("order %s: %s was sent before %s", id, e.Type, events[i-1].Type)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.problems[:min(len(r.problems), 10)] {
		t.Error(p)
	}
	t.Logf("%d events, %d repeats, %d problems", len(r.values), r.repeats, len(r.problems))
}
