package intake

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partition names one of a topic.
type partition struct {
	topic  string
	number int32
}

// offsets keeps of each partition which records came to their end. An offset may be committed when that
// record and all before it did.
type offsets struct {
	mu    sync.Mutex
	parts map[partition]*progress
}

type progress struct {
	// next is behind the last record that was read, of this epoch of the partition's leader.
	next  int64
	epoch int32
	// open are the offsets that were read and have not come to an end.
	open map[int64]bool
	// committed is the offset that was committed last, or the first one that was read.
	committed int64
}

func newOffsets() *offsets { return &offsets{parts: map[partition]*progress{}} }

func partitionOf(r *kgo.Record) partition { return partition{r.Topic, r.Partition} }

// read takes records in, those of a partition in order.
func (o *offsets) read(records []*kgo.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range records {
		p := o.parts[partitionOf(r)]
		if p == nil {
			p = &progress{open: map[int64]bool{}, committed: r.Offset}
			o.parts[partitionOf(r)] = p
		}
		p.next, p.epoch, p.open[r.Offset] = r.Offset+1, r.LeaderEpoch, true
	}
}

// end says that a record came to its end. One of a partition that was given up meanwhile is forgotten.
func (o *offsets) end(r *kgo.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.parts[partitionOf(r)]; p != nil {
		delete(p.open, r.Offset)
	}
}

// forget drops partitions that others read now.
func (o *offsets) forget(lost map[string][]int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for topic, numbers := range lost {
		for _, number := range numbers {
			delete(o.parts, partition{topic, number})
		}
	}
}

// due gives, of each partition that got further, the last record whose offset may be committed.
func (o *offsets) due() (last []*kgo.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for at, p := range o.parts {
		if upTo := p.upTo(); upTo > p.committed {
			last = append(last, &kgo.Record{Topic: at.topic, Partition: at.number, Offset: upTo - 1, LeaderEpoch: p.epoch})
		}
	}
	return last
}

// upTo is the first offset that has not come to its end.
func (p *progress) upTo() int64 {
	upTo := p.next
	for offset := range p.open {
		upTo = min(upTo, offset)
	}
	return upTo
}

// committed says that the offsets of these were committed.
func (o *offsets) committed(last []*kgo.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range last {
		if p := o.parts[partitionOf(r)]; p != nil {
			p.committed = max(p.committed, r.Offset+1)
		}
	}
}
