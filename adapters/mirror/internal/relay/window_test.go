package relay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// fakeOutbox is an outbox in memory. Every key's events count from 1.
type fakeOutbox struct {
	rows []outbox.Queued
	no   int64
	seqs map[string]int64
}

func (f *fakeOutbox) put(key string, size int) {
	f.no++
	f.seqs[key]++
	f.rows = append(f.rows, outbox.Queued{No: f.no, Record: event.Record{Key: key, Seq: f.seqs[key], Value: make([]byte, size)}})
}

// take does what outbox.Take does in a database.
func (f *fakeOutbox) take(t outbox.Turn) []outbox.Queued {
	published, held := setOf(t.Published), setOf(t.Held)
	f.rows = slices.DeleteFunc(f.rows, func(q outbox.Queued) bool { return published[q.No] })
	if !t.Read {
		return nil
	}
	var read []outbox.Queued
	bytes := 0
	for _, q := range f.rows {
		if held[q.No] || slices.Contains(t.Passed, q.Record.Key) {
			continue
		}
		if len(read) == outbox.MaxRows || bytes >= t.Bytes {
			break
		}
		bytes += len(q.Record.Value)
		read = append(read, q)
	}
	return read
}

func setOf(places []int64) map[int64]bool {
	set := make(map[int64]bool, len(places))
	for _, no := range places {
		set[no] = true
	}
	return set
}

// Whatever comes in between a turn's question and its answer, and however narrow the window is, each key goes
// in order, one at a time, and everything goes.
func TestAWindowSendsEveryKeyInOrder(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

// simulation of a line that has a window.
type simulation struct {
	t      *testing.T
	random *rand.Rand
	outbox *fakeOutbox
	window *window
	flight []*outbox.Queued
	last   map[string]int64 // seq of each key that was acknowledged last
	turn   *outbox.Turn     // what is asked for
	answer []outbox.Queued
}

func simulate(t *testing.T, random *rand.Rand) {
	s := &simulation{
		t: t, random: random, last: map[string]int64{}, outbox: &fakeOutbox{seqs: map[string]int64{}},
		window: newWindow(limits{rows: outbox.MaxRows + 1 + random.IntN(2000), bytes: 1000 + random.IntN(100_000), keyRows: 2 + random.IntN(600), refused: 3}),
	}
	for range 400 {
		switch random.IntN(6) {
		case 0:
			for range random.IntN(60) {
				s.outbox.put(fmt.Sprint("key-", random.IntN(1+random.IntN(12))), 1+random.IntN(200))
			}
			s.window.more = true
		case 1:
			s.ask()
		case 2:
			s.take()
		default:
			s.send()
			s.settle(random.IntN(10) == 0)
		}
		s.check()
	}
	for range 20_000 { // and to its end
		if len(s.outbox.rows) == 0 {
			break
		}
		s.ask()
		s.take()
		s.send()
		for len(s.flight) > 0 {
			s.settle(false)
		}
	}
	if len(s.outbox.rows) > 0 || len(s.window.records) > 0 || s.window.bytes != 0 || len(s.window.keys) > 0 {
		t.Errorf("at the end: %d rows in the outbox, %d in memory with %d bytes of %d keys", len(s.outbox.rows), len(s.window.records), s.window.bytes, len(s.window.keys))
	}
	for key, seq := range s.outbox.seqs {
		if s.last[key] != seq {
			t.Errorf("%s: %d of %d went", key, s.last[key], seq)
		}
	}
}

// ask begins a turn; it may be answered much later, though the database has done it now.
func (s *simulation) ask() {
	if s.turn != nil {
		return
	}
	turn := s.window.turn(s.window.more && s.window.hasRoom())
	s.turn, s.answer = &turn, s.outbox.take(turn)
}

func (s *simulation) take() {
	if s.turn != nil {
		s.window.turned(*s.turn, s.answer)
		s.turn = nil
	}
}

func (s *simulation) send() {
	ready := s.window.ready
	s.window.ready = nil
	for _, k := range append(ready, s.window.refused...) {
		if q := s.window.next(k); q != nil {
			s.flight = append(s.flight, q)
		}
	}
}

// settle has the broker answer about a record.
func (s *simulation) settle(refuses bool) {
	if len(s.flight) == 0 {
		return
	}
	i := s.random.IntN(len(s.flight))
	q := s.flight[i]
	s.flight = slices.Delete(s.flight, i, i+1)
	if refuses {
		if k := s.window.back(q); k.refusal == nil {
			k.refusal = &refusal{}
			s.window.refused = append(s.window.refused, k)
		}
		return
	}
	key := q.Record.Key
	if q.Record.Seq != s.last[key]+1 {
		s.t.Fatalf("%s: %d goes after %d", key, q.Record.Seq, s.last[key])
	}
	s.last[key] = q.Record.Seq
	if k := s.window.ack(q); k.refusal != nil {
		k.refusal, s.window.more = nil, true
		s.window.refused = slices.DeleteFunc(s.window.refused, func(o *keyed) bool { return o == k })
		s.window.settle(k)
	}
}

func (s *simulation) check() {
	bytes, inFlight := 0, map[string]bool{}
	for _, q := range s.window.records {
		bytes += len(q.Record.Value)
	}
	if bytes != s.window.bytes {
		s.t.Fatalf("%d bytes are counted as %d", bytes, s.window.bytes)
	}
	if len(s.window.records) > s.window.limits.rows || bytes >= s.window.limits.bytes+200 {
		s.t.Fatalf("%d rows with %d bytes are in memory; the limits are %d and %d", len(s.window.records), bytes, s.window.limits.rows, s.window.limits.bytes)
	}
	for _, q := range s.flight {
		if inFlight[q.Record.Key] {
			s.t.Fatalf("two records of %s are on their way", q.Record.Key)
		}
		inFlight[q.Record.Key] = true
	}
}
