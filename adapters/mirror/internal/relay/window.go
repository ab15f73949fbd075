package relay

import (
	"time"

	"github.com/orderplane/orderplane/internal/domain/mirror/relay"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// window is what a line has in memory of its outbox.
type window struct {
	limits limits
	keys   map[string]*keyed
	// records are the events of the rows that are not acknowledged, by place; bytes is how long
	// their values are.
	records map[int64]*outbox.Queued
	bytes   int
	// acked are acknowledged rows that no turn deletes yet, deleting those that one does.
	acked, deleting []acked
	// ready are keys of which a row may be sent.
	ready []*keyed
	// refused are the keys that are held up.
	refused []*keyed
	// sent is how many rows are on their way.
	sent int
	// more is true while there may be rows in the outbox that ought to be read.
	more bool
}

// acked is an acknowledged row.
type acked struct {
	no  int64
	key *keyed
}

// keyed is what is in memory of a key.
type keyed struct {
	name string
	rows []relay.Row
	// capped is true while rows of it may be in the outbox that are not in memory.
	capped bool
	// refusal is why its next row is held up; nil when it is not.
	refusal *refusal
}

// refusal is a row that the broker refused.
type refusal struct {
	err   error
	tries int
	// until is when it is tried again.
	until time.Time
	// trying is true while it is.
	trying bool
}

func newWindow(l limits) *window {
	return &window{limits: l, keys: map[string]*keyed{}, records: map[int64]*outbox.Queued{}, more: true}
}

// hasRoom says whether a turn may read.
func (w *window) hasRoom() bool {
	rows := len(w.records) + len(w.acked) + len(w.deleting)
	return rows+outbox.MaxRows <= w.limits.rows && w.bytes < w.limits.bytes && len(w.refused) < w.limits.refused
}

// turn is the next one: it deletes what is acknowledged, and may read.
func (w *window) turn(read bool) outbox.Turn {
	t := outbox.Turn{Read: read}
	w.acked, w.deleting = nil, w.acked
	for _, a := range w.deleting {
		t.Published = append(t.Published, a.no)
	}
	if !read {
		return t
	}
	w.more = false
	t.Bytes = w.limits.bytes - w.bytes
	for no := range w.records {
		t.Held = append(t.Held, no)
	}
	for name, k := range w.keys {
		if k.capped || k.refusal != nil {
			t.Passed = append(t.Passed, name)
		}
	}
	return t
}

// turned takes in what a turn has done. Only here rows are forgotten: no read is under way whose answer
// would leave a gap.
func (w *window) turned(t outbox.Turn, queued []outbox.Queued) {
	w.delete(t.Published)
	bytes := 0
	for i := range queued {
		bytes += len(queued[i].Record.Value)
		w.hold(&queued[i])
	}
	if len(queued) == outbox.MaxRows || t.Read && bytes >= t.Bytes {
		w.more = true // it ended at a limit
	}
	for _, k := range w.ready {
		w.trim(k, w.limits.keyRows)
	}
	for _, k := range w.refused {
		w.trim(k, 1)
	}
}

// undone takes back a turn that the database did not do, as far as is known.
func (w *window) undone() {
	w.acked, w.deleting = append(w.deleting, w.acked...), nil
}

// delete forgets acknowledged rows that are in the outbox no more.
func (w *window) delete(places []int64) {
	gone := make(map[int64]bool, len(places))
	for _, no := range places {
		gone[no] = true
	}
	done := map[*keyed]bool{}
	for _, a := range w.deleting {
		if done[a.key] {
			continue
		}
		done[a.key] = true
		a.key.rows = relay.Deleted(a.key.rows, func(no int64) bool { return gone[no] })
		w.settle(a.key)
	}
	w.deleting = nil
}

// hold takes in a row that was read.
func (w *window) hold(q *outbox.Queued) {
	k := w.keys[q.Record.Key]
	if k == nil {
		k = &keyed{name: q.Record.Key}
		w.keys[k.name] = k
	}
	k.rows = relay.Merge(k.rows, q.No)
	w.records[q.No] = q
	w.bytes += len(q.Record.Value)
	w.ready = append(w.ready, k)
}

// trim forgets the end of a key that takes more than its share.
func (w *window) trim(k *keyed, keep int) {
	for i := range k.rows {
		if k.rows[i].State == relay.Acked {
			keep++
		}
	}
	kept := relay.Trim(k.rows, keep)
	for _, r := range k.rows[len(kept):] {
		w.forget(r.No)
		k.capped = true
	}
	k.rows = kept
}

func (w *window) forget(no int64) {
	w.bytes -= len(w.records[no].Record.Value)
	delete(w.records, no)
}

// settle looks at a key that has fewer rows than before, or is held up no more.
func (w *window) settle(k *keyed) {
	if k.capped && k.refusal == nil && len(k.rows) <= w.limits.keyRows/2 {
		k.capped, w.more = false, true
	}
	if len(k.rows) == 0 {
		delete(w.keys, k.name)
	}
}

// next gives the row of a key to be sent, and takes it as sent; nil when there is none.
func (w *window) next(k *keyed) *outbox.Queued {
	at := relay.Next(k.rows)
	if at < 0 {
		return nil
	}
	k.rows[at].State = relay.Sent
	w.sent++
	return w.records[k.rows[at].No]
}

// state sets how far a row is, and returns its key.
func (w *window) state(q *outbox.Queued, s relay.State) *keyed {
	k := w.keys[q.Record.Key]
	for i := range k.rows {
		if k.rows[i].No == q.No {
			k.rows[i].State = s
		}
	}
	return k
}

// ack takes a row as acknowledged.
func (w *window) ack(q *outbox.Queued) *keyed {
	k := w.state(q, relay.Acked)
	w.sent--
	w.forget(q.No)
	w.acked = append(w.acked, acked{q.No, k})
	w.ready = append(w.ready, k)
	return k
}

// back takes a row as waiting again.
func (w *window) back(q *outbox.Queued) *keyed {
	w.sent--
	return w.state(q, relay.Waiting)
}
