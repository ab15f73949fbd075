package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// answer is what the broker says of a record.
type answer struct {
	queued *outbox.Queued
	err    error
}

// shift is the work of a line during one session. One goroutine does all of it but the turns.
type shift struct {
	*line
	window  *window
	wake    chan struct{}
	answers chan answer
	turns   chan turned
	// turning is true while a turn is under way.
	turning bool
	timer   clock.Timer
	// acked is when the first row was acknowledged that no turn deletes yet.
	acked time.Time
	// read is when the last read began, and pause until when the next one waits.
	read, pause time.Time
	// apart are topics of which a record is on its way alone.
	apart map[string]bool
	// flight is the context of what is on its way. It outlives the shift, which waits for it.
	flight context.Context //nolint:containedctx // one for all records
}

func newShift(ctx context.Context, l *line, s *session) *shift {
	return &shift{
		line: l, window: newWindow(l.limits), wake: s.wake,
		// There is room for every record on its way, so that nobody has to wait to answer.
		answers: make(chan answer, l.limits.rows+outbox.MaxRows),
		turns:   make(chan turned, 1),
		timer:   l.clock.NewTimer(l.limits.poll),
		apart:   map[string]bool{},
		flight:  context.WithoutCancel(ctx),
	}
}

// work empties the outbox until ctx is over, then it returns nil, or until the database fails.
func (f *shift) work(ctx context.Context) error {
	defer f.timer.Stop()
	for {
		f.send()
		f.retry()
		f.begin(ctx)
		f.timer.Reset(f.next())
		select {
		case <-ctx.Done():
			return nil
		case a := <-f.answers:
			f.answered(a)
		case t := <-f.turns:
			if err := f.turned(t); err != nil && ctx.Err() == nil {
				return err
			}
		case <-f.wake:
			f.window.more = true
		case <-f.timer.C():
		}
	}
}

// send sends a row of each key that has none on its way.
func (f *shift) send() {
	ready := f.window.ready
	f.window.ready = nil
	for _, k := range ready {
		if k.refusal != nil {
			continue
		}
		if q := f.window.next(k); q != nil {
			f.hand(q, f.producer.together)
		}
	}
}

// hand gives a record to one of the producer's clients.
func (f *shift) hand(q *outbox.Queued, client *kgo.Client) {
	if f.window.sent == 1 {
		f.silent.Store(f.clock.Now().UnixNano())
	}
	client.Produce(f.flight, recordOf(q), func(_ *kgo.Record, err error) { f.answers <- answer{q, err} })
}

// answered takes in what the broker said, all of it that is there.
func (f *shift) answered(a answer) {
	taken := false
	for more := true; more; {
		if a.err == nil {
			f.acknowledged(a.queued)
			taken = true
		} else {
			f.refused(a)
		}
		select {
		case a = <-f.answers:
		default:
			more = false
		}
	}
	if taken {
		f.report.works()
	}
	if f.window.sent == 0 {
		f.silent.Store(0)
	} else {
		f.silent.Store(f.clock.Now().UnixNano())
	}
}

func (f *shift) acknowledged(q *outbox.Queued) {
	if len(f.window.acked) == 0 {
		f.acked = f.clock.Now()
	}
	k := f.window.ack(q)
	f.metrics.published.WithLabelValues(q.Record.Topic).Inc()
	if k.refusal != nil {
		f.release(k, q.Record.Topic)
	}
}

// begin begins a turn if one is due.
func (f *shift) begin(ctx context.Context) {
	now := f.clock.Now()
	if !now.Before(f.read.Add(f.limits.poll)) {
		f.window.more = true
	}
	read := f.window.more && f.window.hasRoom() && !now.Before(f.pause)
	del := len(f.window.acked) >= outbox.MaxRows/2 || len(f.window.acked) > 0 && !now.Before(f.acked.Add(f.limits.linger))
	if f.turning || !read && !del {
		return
	}
	if read {
		f.read = now
	}
	f.turning = true
	t := f.window.turn(read)
	go func() { f.turns <- f.turn(ctx, t) }()
}

// turned takes in what a turn has done.
func (f *shift) turned(t turned) error {
	f.turning = false
	if t.err != nil {
		return t.err
	}
	f.metrics.repeats.WithLabelValues(string(f.Database)).Add(float64(int64(len(t.turn.Published)) - t.deleted))
	f.window.turned(t.turn, t.queued)
	if f.window.sent == 0 {
		f.report.works() // the database does, and the broker is asked nothing
	}
	if len(t.turn.Passed) > 0 {
		// Rows of keys that are passed over are looked at all the same, and may be many.
		f.pause = f.clock.Now().Add(4 * t.took)
	}
	return nil
}

// next is how long the loop may wait if nothing comes.
func (f *shift) next() time.Duration {
	now := f.clock.Now()
	due := now.Add(f.limits.poll)
	sooner := func(t time.Time) {
		if t.Before(due) {
			due = t
		}
	}
	if !f.turning {
		if len(f.window.acked) > 0 {
			sooner(f.acked.Add(f.limits.linger))
		}
		if f.window.hasRoom() {
			sooner(f.read.Add(f.limits.poll))
			if f.window.more {
				sooner(f.pause)
			}
		}
	}
	for _, k := range f.window.refused {
		if !k.refusal.trying && !f.apart[f.topic(k)] {
			sooner(k.refusal.until)
		}
	}
	return max(0, due.Sub(now))
}

// finish waits for what is on its way, so that nothing of a key is when the next shift begins, and deletes
// what was acknowledged if the database is there.
func (f *shift) finish(ctx context.Context, deletes bool) {
	over := ctx.Done()
	if ctx.Err() != nil { // the process ends: not for long
		draining, stop := context.WithTimeout(context.WithoutCancel(ctx), f.limits.drain)
		defer stop()
		over = draining.Done()
	}
	for f.window.sent > 0 || f.turning {
		select {
		case a := <-f.answers:
			f.answered(a)
		case t := <-f.turns:
			f.turning = false
			if t.err == nil {
				f.window.turned(t.turn, nil)
			} else {
				f.window.undone() // it ended with the session
			}
		case <-over:
			return
		}
	}
	if t := f.window.turn(false); deletes && len(t.Published) > 0 {
		if err := f.turn(context.WithoutCancel(ctx), t).err; err != nil {
			f.log.V(1).Info("what was published last is published again", "database", f.Database, "why", fmt.Sprint(err))
		}
	}
}
