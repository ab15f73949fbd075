package relay

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// linger is how long a record waits for others of its partition. It is what keeps a busy relay from sending
// one record a request.
const linger = time.Millisecond

// largest is how long a record may be that is sent alone: the broker decides.
const largest = 64 << 20

// producer has the clients that send records to the broker: together, or one that was refused alone. A broker
// that is away is waited for; the answer is that it has taken or refused a record. A broker refuses whole
// batches, so that one would take others with it again and again.
type producer struct {
	together, alone *kgo.Client
}

// newProducer makes a producer that may have so many records on their way.
func newProducer(brokers []kgo.Opt, records int) (*producer, error) {
	with := func(opts ...kgo.Opt) (*kgo.Client, error) {
		all := append([]kgo.Opt{}, brokers...)
		all = append(all,
			kgo.RequiredAcks(kgo.AllISRAcks()), // idempotent, too, which is the default
			kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
			kgo.MaxBufferedRecords(records),
			kgo.UnknownTopicRetries(1), // it is told soon, and tried again by us
		)
		return kgo.NewClient(append(all, opts...)...)
	}
	together, err := with(kgo.ProducerLinger(linger))
	if err != nil {
		return nil, fmt.Errorf("make a producer: %w", err)
	}
	alone, err := with(kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(largest), kgo.BrokerMaxWriteBytes(2*largest))
	if err != nil {
		together.Close()
		return nil, fmt.Errorf("make a producer: %w", err)
	}
	return &producer{together: together, alone: alone}, nil
}

// recordOf is an event as a record. Its time is when it is sent: brokers delete by it, and what is told again
// late would be gone at once.
func recordOf(q *outbox.Queued) *kgo.Record {
	r := &q.Record
	headers := r.Headers()
	record := &kgo.Record{
		Topic: r.Topic, Key: []byte(r.Key), Value: r.Value,
		Headers: make([]kgo.RecordHeader, len(headers)),
	}
	for i, h := range headers {
		record.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)}
	}
	return record
}

// close ends it. Records on their way are given up, and answered so.
func (p *producer) close() {
	p.together.Close()
	p.alone.Close()
}
