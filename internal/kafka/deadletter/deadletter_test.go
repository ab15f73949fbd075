package deadletter_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/kafka/deadletter"
)

const (
	topic   = "order.created"
	letters = "order.created.DLT"
)

// broker is an embedded one with a topic and its dead letters.
func broker(t *testing.T) (deadletter.Queues, *kgo.Client) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic, letters, "other"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client := func(more ...kgo.Opt) (*kgo.Client, error) {
		return kgo.NewClient(append(more, kgo.SeedBrokers(cluster.ListenAddrs()...))...)
	}
	producer, err := client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	return deadletter.Queues{Broker: producer, Consume: func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error) {
		return client(kgo.ConsumePartitions(from))
	}}, producer
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(stop)
	return ctx
}

// failed is a record as a consumer read it.
func failed(value string) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Partition: 2, Offset: 7, Key: []byte("ord-1"), Value: []byte(value), Timestamp: time.Date(2026, 11, 27, 12, 0, 0, 5, time.UTC),
		Headers: []kgo.RecordHeader{{Key: "X-Trace-Id", Value: []byte("t-1")}, {Key: "dlt-error", Value: []byte("of the time before")}},
	}
}

func headersOf(r *kgo.Record) map[string]string {
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] += string(h.Value)
	}
	return headers
}

func TestALetterSaysWhereItIsFromAndWhy(t *testing.T) {
	letter := deadletter.Of(failed("{"), "group-1", errors.New("bad \xff JSON "+strings.Repeat("x", 2000)))
	headers := headersOf(letter)
	if e := headers["dlt-error"]; len(e) > 1010 || !strings.HasPrefix(e, "bad ? JSON xxx") || !strings.HasSuffix(e, "...") {
		t.Errorf("dlt-error is %d bytes: %.40s", len(e), e)
	}
	delete(headers, "dlt-error")
	if diff := cmp.Diff(map[string]string{
		"X-Trace-Id": "t-1", "dlt-topic": topic, "dlt-partition": "2", "dlt-offset": "7", "dlt-group": "group-1", "dlt-timestamp": "2026-11-27T12:00:00.000000005Z",
	}, headers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if letter.Topic != letters || string(letter.Key) != "ord-1" || string(letter.Value) != "{" {
		t.Errorf("topic %s, key %s, value %s", letter.Topic, letter.Key, letter.Value)
	}
}

func write(t *testing.T, producer *kgo.Client, values ...string) {
	t.Helper()
	for _, value := range values {
		if err := deadletter.Write(soon(t), producer, deadletter.Of(failed(value), "group-1", errors.New("no"))); err != nil {
			t.Fatal(err)
		}
	}
}

func queue(t *testing.T, q deadletter.Queues) deadletter.Queue {
	t.Helper()
	all, err := q.List(soon(t))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d queues, %v", len(all), err)
	}
	return all[0]
}

// read is what a topic has, from the first record on.
func read(t *testing.T, q deadletter.Queues, topic string) []*kgo.Record {
	t.Helper()
	var found []*kgo.Record
	if err := q.Read(soon(t), topic, deadletter.Which{All: true, Offset: -1}, func(r *kgo.Record) error {
		found = append(found, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLettersArePutBackOnce(t *testing.T) {
	q, producer := broker(t)
	write(t, producer, "a", "b")
	if diff := cmp.Diff(deadletter.Queue{Topic: letters, Letters: 2, Waiting: 2}, queue(t, q)); diff != "" {
		t.Error(diff)
	}
	rest := deadletter.Which{Offset: -1}
	if n, err := q.Replay(soon(t), letters, rest, nil); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	write(t, producer, "c")
	if diff := cmp.Diff(deadletter.Queue{Topic: letters, Letters: 3, Waiting: 1}, queue(t, q)); diff != "" {
		t.Error(diff)
	}
	if n, err := q.Replay(soon(t), letters, rest, nil); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := q.Replay(soon(t), letters, rest, nil); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	var values []string
	for _, r := range read(t, q, topic) {
		values = append(values, string(r.Value))
		if diff := cmp.Diff(map[string]string{"X-Trace-Id": "t-1", "dlt-replay": "group-1"}, headersOf(r)); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, values); diff != "" {
		t.Error(diff)
	}
}

func TestOneLetterIsPutBackMended(t *testing.T) {
	q, producer := broker(t)
	write(t, producer, "a", "b")
	if n, err := q.Replay(soon(t), letters, deadletter.Which{Offset: 1}, []byte("mended")); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if found := read(t, q, topic); len(found) != 1 || string(found[0].Value) != "mended" {
		t.Errorf("%d records", len(found))
	}
	if w := queue(t, q).Waiting; w != 2 {
		t.Errorf("%d wait: one in the middle is no reason to pass over the others", w)
	}
	if _, err := q.Replay(soon(t), letters, deadletter.Which{Offset: 2}, nil); err == nil || !strings.Contains(err.Error(), "has no offset 2") {
		t.Errorf("an offset that is not there: %v", err)
	}
}

func TestWhatNobodyGaveUpIsNotPutBack(t *testing.T) {
	q, producer := broker(t)
	if err := producer.ProduceSync(soon(t), &kgo.Record{Topic: letters, Value: []byte("by hand")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	n, err := q.Replay(soon(t), letters, deadletter.Which{Offset: -1}, nil)
	if n != 0 || err == nil || !strings.Contains(err.Error(), "header dlt-topic is missing") {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := q.Replay(soon(t), "no.such.DLT", deadletter.Which{Offset: -1}, nil); err == nil || !strings.Contains(err.Error(), "dlt list") {
		t.Errorf("a topic that is not there: %v", err)
	}
}

// A record that just fitted does not fit with the headers of a dead letter. It is told all the same, and put back whole.
func TestALetterThatIsTooLongIsWrittenWithoutItsValue(t *testing.T) {
	q, producer := broker(t)
	const limit = 1_000_012 // of the client, by default
	long := failed(strings.Repeat("x", limit-150))
	long.Partition, long.Offset, long.Headers = 0, 0, nil
	if err := producer.ProduceSync(soon(t), &kgo.Record{Topic: topic, Key: long.Key, Value: long.Value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := deadletter.Write(soon(t), producer, deadletter.Of(long, "group-1", errors.New(strings.Repeat("long ", 190)))); err != nil {
		t.Fatal(err)
	}
	found := read(t, q, letters)
	if len(found) != 1 || len(found[0].Value) != 0 || deadletter.Header(found[0], deadletter.HeaderLeftOut) != "999862" {
		t.Fatalf("%d letters, %v", len(found), found)
	}
	if n, err := q.Replay(soon(t), letters, deadletter.Which{Offset: -1}, nil); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	ends, err := kadm.NewClient(producer).ListEndOffsets(soon(t), topic)
	if end, _ := ends.Lookup(topic, 0); end.Offset != 2 || err != nil {
		t.Fatalf("%d records, %v", end.Offset, err)
	}
	if again := read(t, q, topic)[1]; string(again.Value) != string(long.Value) {
		t.Errorf("%d bytes came back", len(again.Value))
	}
}
