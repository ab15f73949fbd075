package relay_test

import (
	"bytes"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/mirror/explore"
	"github.com/orderplane/orderplane/internal/domain/mirror/relay"
)

// The model is an outbox, the transactions that fill it, and two relays that empty it by the rules themselves.
// A place is taken when a row is inserted, and others see it when its transaction commits.

const (
	keys, events = 2, 4

	absent      = 0
	open        = 1 // inserted, not committed
	unpublished = 2
	published   = 3
)

type outboxRow struct{ St, No uint8 }

// sender is the memory of a relay: of each event 0 when it is not held, else its state and 1.
type sender struct {
	Last uint8 // removed rule byNumber: the last place read
	Ev   [keys][events]uint8
}

type system struct {
	Row     [keys][events]outboxRow
	Next    uint8
	Tx      [2]struct{ Key, Ev uint8 } // open transactions: key and event, from 1
	R       [2]sender
	Pub     [keys]uint8 // how many events of a key its topics have, without a gap
	Crashes uint8
	Bad     bool
}

// removed says which rules a model does without.
type removed struct {
	noLock, byNumber, skipLocked, markFirst, twoInFlight, trimFront bool
}

// model is a system with so many events of each key.
type model struct {
	removed
	events [keys]int
}

func (s *system) send(k int, ev uint8) {
	if ev > s.Pub[k]+1 {
		s.Bad = true
	}
	s.Pub[k] = max(s.Pub[k], ev)
}

// held is what a relay holds of a key, as its rules take it.
func (x *sender) held(k int) []relay.Row {
	var rows []relay.Row
	for e, st := range x.Ev[k] {
		if st != 0 {
			rows = append(rows, relay.Row{No: int64(e) + 1, State: relay.State(st - 1)})
		}
	}
	return rows
}

func (x *sender) hold(k int, rows []relay.Row) {
	x.Ev[k] = [events]uint8{}
	for _, r := range rows {
		x.Ev[k][r.No-1] = uint8(r.State) + 1
	}
}

func (m model) next(s *system, emit func(string, *system)) {
	if s.Bad {
		return
	}
	do := func(step string, f func(t *system)) {
		t := *s
		f(&t)
		m.normalise(&t)
		if t != *s {
			emit(step, &t)
		}
	}
	for i := range s.Tx {
		m.nextTx(s, i, do)
	}
	for r := range s.R {
		for k := range s.Row {
			m.nextOfKey(s, r, k, do)
		}
		if s.Crashes > 0 && s.R[r].Ev != [keys][events]uint8{} {
			do("relay: crashes", func(t *system) { t.R[r].Ev = [keys][events]uint8{}; t.Crashes-- })
		}
	}
}

func (m model) nextTx(s *system, i int, do func(string, func(*system))) {
	if tx := s.Tx[i]; tx.Key != 0 {
		do("mirror: commits", func(t *system) { t.Row[tx.Key-1][tx.Ev-1].St = unpublished; t.Tx[i].Key, t.Tx[i].Ev = 0, 0 })
		if s.Crashes > 0 {
			do("mirror: crashes before the commit", func(t *system) {
				t.Row[tx.Key-1][tx.Ev-1] = outboxRow{}
				t.Tx[i].Key, t.Tx[i].Ev = 0, 0
				t.Crashes--
			})
		}
		return
	}
	for k := range s.Row {
		for e := range s.Row[k] {
			if e == m.events[k] {
				break
			}
			if s.Row[k][e].St != absent {
				continue
			}
			// The row that orders the key is locked: its last event is committed.
			if e > 0 && s.Row[k][e-1].St < unpublished && (!m.noLock || s.Row[k][e-1].St != open) {
				break
			}
			do("mirror: inserts the key's next event", func(t *system) {
				t.Next++
				t.Row[k][e] = outboxRow{open, t.Next}
				t.Tx[i].Key, t.Tx[i].Ev = uint8(k)+1, uint8(e)+1
			})
			break
		}
	}
}

// visible are the places of a key that a relay reads, without those that it holds.
func (m model) visible(s *system, r, k int) []int64 {
	var read []int64
	for e, row := range s.Row[k] {
		if row.St != unpublished || s.R[r].Ev[k][e] != 0 || m.byNumber && row.No <= s.R[r].Last {
			continue
		}
		if m.skipLocked && s.R[1-r].Ev[k][e] == uint8(relay.Sent)+1 {
			continue
		}
		read = append(read, int64(e)+1)
	}
	return read
}

// pick is the rule, or what is left of it.
func (m model) pick(rows []relay.Row) int {
	if m.twoInFlight {
		for i := range rows {
			if rows[i].State == relay.Waiting {
				return i
			}
		}
		return -1
	}
	return relay.Next(rows)
}

func (m model) nextOfKey(s *system, r, k int, do func(string, func(*system))) {
	rows, read := s.R[r].held(k), m.visible(s, r, k)
	for n := 1; n <= len(read); n++ { // a read may end anywhere
		do("relay: reads", func(t *system) {
			t.R[r].hold(k, relay.Merge(t.R[r].held(k), read[:n]...))
			if m.byNumber {
				t.R[r].Last = max(t.R[r].Last, t.Row[k][read[n-1]-1].No)
			}
		})
	}
	if len(rows) == 0 {
		return
	}
	do("relay: forgets all but the first", func(t *system) {
		if m.trimFront {
			t.R[r].hold(k, rows[1:])
			return
		}
		t.R[r].hold(k, relay.Trim(t.R[r].held(k), 1))
	})
	if i := m.pick(rows); i >= 0 {
		do("relay: sends a key's next event", func(t *system) {
			ev := rows[i].No - 1
			t.R[r].Ev[k][ev] = uint8(relay.Sent) + 1
			if m.markFirst {
				t.Row[k][ev].St = published
			}
		})
	}
	for _, row := range rows {
		if row.State == relay.Sent {
			do("relay: the broker takes it", func(t *system) { t.send(k, uint8(row.No)); t.R[r].Ev[k][row.No-1] = uint8(relay.Acked) + 1 })
		}
	}
	do("relay: deletes what was acknowledged", func(t *system) {
		for _, row := range rows {
			if row.State == relay.Acked {
				t.Row[k][row.No-1].St = published
			}
		}
		t.R[r].hold(k, relay.Deleted(t.R[r].held(k), func(int64) bool { return true }))
	})
}

// normalise makes interchangeable states equal.
func (m model) normalise(s *system) {
	if bytes.Compare(raw(&s.R[0]), raw(&s.R[1])) > 0 {
		s.R[0], s.R[1] = s.R[1], s.R[0]
	}
	if a, b := s.Tx[0], s.Tx[1]; a.Key > b.Key || a.Key == b.Key && a.Ev > b.Ev {
		s.Tx[0], s.Tx[1] = b, a
	}
	if m.byNumber {
		return
	}
	for k := range s.Row {
		for e := range s.Row[k] {
			s.Row[k][e].No = 0
		}
	}
	s.Next = 0
}

func raw(x *sender) []byte {
	b := []byte{x.Last}
	for k := range x.Ev {
		b = append(b, x.Ev[k][:]...)
	}
	return b
}

// rest has one relay finish alone, after a restart.
func (m model) rest(s *system) string {
	t := *s
	for i := range t.Tx {
		if tx := &t.Tx[i]; tx.Key != 0 {
			t.Row[tx.Key-1][tx.Ev-1].St = unpublished
			tx.Key, tx.Ev = 0, 0
		}
	}
	t.R = [2]sender{{Last: t.R[0].Last}, {Last: t.R[1].Last}}
	for k := range t.Row {
		x := &t.R[0]
		x.hold(k, relay.Merge(nil, m.visible(&t, 0, k)...))
		for i := m.pick(x.held(k)); i >= 0; i = m.pick(x.held(k)) {
			no := x.held(k)[i].No
			t.send(k, uint8(no))
			x.Ev[k][no-1] = uint8(relay.Acked) + 1
		}
		for e := range t.Row[k] {
			if t.Row[k][e].St != absent && t.Pub[k] < uint8(e)+1 {
				return "an event never reaches its topic"
			}
		}
	}
	return m.broken(&t)
}

func (m model) broken(s *system) string {
	if s.Bad {
		return "a topic has an event whose predecessor it has not"
	}
	return ""
}

func (m model) explore(crashes uint8, limit int) explore.Result {
	return explore.Explore(explore.Model[system]{First: system{Crashes: crashes}, Next: m.next, Broken: m.broken, Rest: m.rest}, limit)
}

// sizes are as many events as two relays with two crashes can be followed through in a second.
var sizes = [][keys]int{{2, 2}, {4, 0}}

func TestEveryEventIsPublishedAndItsFirstAppearanceIsInOrder(t *testing.T) {
	for _, size := range sizes {
		got := model{events: size}.explore(2, 10_000_000)
		t.Logf("%v events: %d states", size, got.States)
		if got.Problem != "" || got.Incomplete {
			t.Errorf("%v events: %q (incomplete: %v) by\n%q", size, got.Problem, got.Incomplete, got.Trace)
		}
	}
}

func TestEveryRuleIsNeeded(t *testing.T) {
	for name, rule := range map[string]removed{
		"the lock of the key":            {noLock: true},
		"select what is unpublished":     {byNumber: true},
		"never skip what others locked":  {skipLocked: true},
		"mark after the acknowledgement": {markFirst: true},
		"one of a key in flight":         {twoInFlight: true},
		"forget the end only":            {trimFront: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range sizes {
				got := model{rule, size}.explore(2, 5_000_000)
				t.Logf("%v events: %d states: %s", size, got.States, got.Problem)
				if got.Problem == "" {
					t.Errorf("%v events: nothing goes wrong without it", size)
				}
			}
		})
	}
}
