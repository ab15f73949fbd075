// Package deadletter is about records that could not be handled: how one is written to the dead
// letters of its topic, what stands there, and how it is put back.
package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// Headers of a dead letter, beside those that the record had. Numbers are decimal.
const (
	prefix = "dlt-"

	HeaderError     = prefix + "error"
	HeaderTopic     = prefix + "topic"
	HeaderPartition = prefix + "partition"
	HeaderOffset    = prefix + "offset"
	HeaderGroup     = prefix + "group"
	HeaderTimestamp = prefix + "timestamp"
	// HeaderLeftOut is there when the value was too long to be written once more: it has the length of
	// the value, which still is where it was read.
	HeaderLeftOut = prefix + "value-left-out"
	// HeaderReplay is of a record that was put back: it has the group that had given it up.
	HeaderReplay = prefix + "replay"
)

// longestError is how long the text of an error may be, in bytes.
const longestError = 1000

// Pauses before the tries that follow the first one, after which a record is given up, as the public
// contract has them.
func Pauses() []time.Duration { return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} }

// TopicOf is the topic of the dead letters of a topic.
func TopicOf(topic string) string { return topic + event.DeadLetters }

// Topics are the topics that a consumer of some topics needs: these, and those of their dead letters.
func Topics(consumed ...string) []event.Topic {
	return slices.DeleteFunc(event.Topics(), func(t event.Topic) bool {
		return !slices.Contains(consumed, strings.TrimSuffix(t.Name, event.DeadLetters))
	})
}

// Of makes the dead letter of a record that a consumer group gives up: key, value and headers as they
// were, and why. One that was put back and failed again says it of the last time.
func Of(record *kgo.Record, group string, why error) *kgo.Record {
	letter := &kgo.Record{Topic: TopicOf(record.Topic), Key: record.Key, Value: record.Value, Headers: foreign(record.Headers)}
	text := strings.ToValidUTF8(why.Error(), "?")
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError], "") + "..."
	}
	for _, h := range []event.Header{
		{Key: HeaderError, Value: text},
		{Key: HeaderTopic, Value: record.Topic},
		{Key: HeaderPartition, Value: strconv.Itoa(int(record.Partition))},
		{Key: HeaderOffset, Value: strconv.FormatInt(record.Offset, 10)},
		{Key: HeaderGroup, Value: group},
		{Key: HeaderTimestamp, Value: record.Timestamp.UTC().Format(time.RFC3339Nano)},
	} {
		letter.Headers = append(letter.Headers, header(h.Key, h.Value))
	}
	return letter
}

// foreign are the headers that are none of a dead letter's.
func foreign(headers []kgo.RecordHeader) []kgo.RecordHeader {
	return slices.DeleteFunc(slices.Clone(headers), func(h kgo.RecordHeader) bool { return strings.HasPrefix(h.Key, prefix) })
}

func header(key, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: key, Value: []byte(value)}
}

// Header is the value of a header of a record, empty where it has none.
func Header(record *kgo.Record, key string) string {
	for _, h := range record.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// Write writes a dead letter. One that is too long for the broker, since a record that just fitted has more
// headers now, is written without its value.
func Write(ctx context.Context, broker *kgo.Client, letter *kgo.Record) error {
	err := produce(ctx, broker, letter)
	if errors.Is(err, kerr.MessageTooLarge) {
		short := *letter
		short.Value, short.Headers = nil, append(slices.Clone(letter.Headers), header(HeaderLeftOut, strconv.Itoa(len(letter.Value))))
		err = produce(ctx, broker, &short)
	}
	if err != nil {
		return fmt.Errorf("write a dead letter to %s: %w", letter.Topic, err)
	}
	return nil
}

// produce writes a record. The client does not give up one that a broker may have, whatever its context
// says: who ends does not wait for it.
func produce(ctx context.Context, broker *kgo.Client, record *kgo.Record) error {
	written := make(chan error, 1)
	broker.Produce(ctx, record, func(_ *kgo.Record, err error) { written <- err })
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-written:
		return err
	}
}

// Again is the record that a dead letter came from, to be written once more: key and headers as they were,
// and the value, or another one that was mended. An error says what the letter lacks.
func Again(letter *kgo.Record, value []byte) (*kgo.Record, error) {
	topic := Header(letter, HeaderTopic)
	if topic == "" {
		return nil, fmt.Errorf("partition %d, offset %d: header %s is missing, so nobody knows where the record belongs; write it to its topic by hand",
			letter.Partition, letter.Offset, HeaderTopic)
	}
	return &kgo.Record{
		Topic: topic, Key: letter.Key, Value: value,
		Headers: append(foreign(letter.Headers), header(HeaderReplay, Header(letter, HeaderGroup))),
	}, nil
}
