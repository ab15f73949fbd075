package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/orderplane/orderplane/controllers/stock/internal/apply"
	"github.com/orderplane/orderplane/controllers/stock/internal/decide"
	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
	"github.com/orderplane/orderplane/controllers/stock/internal/leader"
	"github.com/orderplane/orderplane/controllers/stock/internal/publish"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// idleRound is how often a loop that waits for writes finds out what else is due.
const idleRound = time.Second

// loop runs the stock of one namespace: it has the journal acquired, batches decided,
// effects written and projections published, and does none of it itself. Everything but
// its queue belongs to the one goroutine that reconciles the namespace.
type loop struct {
	*scope

	queue     *decide.Queue
	leader    *leader.Leader
	decider   *decide.Decider
	pool      *effects.Pool
	planner   *apply.Planner
	schedule  *publish.Schedule
	publisher *publish.Publisher
	auditor   *auditor
	closer    *closer
	window    batchWindow
	// more is true when something may be dispatched once an effect is complete.
	more bool
}

func newLoop(in *scope) *loop {
	l := &loop{scope: in, queue: decide.NewQueue(), schedule: publish.NewSchedule(in.ProjectionInterval), auditor: &auditor{scope: in}, closer: &closer{scope: in}}
	l.leader = leader.New(in.namespace, in.Holder, in.store, in.Clock, in.metrics.swapped)
	l.pool = effects.NewPool(in.Clock, in.Writers, in.metrics.effectFailed)
	finalizers := publish.FinalizersOf(in.namespace, in.Mirrored)
	l.publisher = publish.New(publish.Config{
		Namespace: in.namespace, Store: in.store, Pool: l.pool, Leader: l.leader, Clock: in.Clock, Schedule: l.schedule, Finalizers: finalizers,
	})
	l.planner = apply.New(apply.Config{
		Namespace: in.namespace, Store: in.store, Pool: l.pool, Clock: in.Clock, Schedule: l.schedule, Finalizers: finalizers,
	})
	l.decider = decide.New(in.namespace, in.store, l.queue, l.publisher)
	return l
}

// run acquires the journal if need be, then decides and carries out until nothing is
// left to do at once. It returns when to run again; zero when only an event can bring
// more to do.
func (l *loop) run(ctx context.Context) (requeueAfter time.Duration, err error) {
	if !l.leader.Leads() {
		if wait := l.closer.remaining(); wait > 0 {
			return wait, nil
		}
		err := l.acquire(ctx)
		if err != nil {
			l.forget()
		}
		switch {
		case errors.Is(err, store.ErrNoJournal):
			return 0, l.closer.close(ctx)
		case cachedclient.WasSetAside(err):
			return lastFailure, nil // the namespace waits until its journal is mended or deleted; the cache has told of it
		case err != nil:
			return 0, fmt.Errorf("acquire the stock journal of %s: %w", l.namespace, err)
		}
	}
	err = l.serve(ctx)
	l.pool.Drain(ctx)
	if err == nil && l.auditor.isDue() && l.isAtRest() {
		err = l.audit(ctx)
	}
	if errors.Is(err, leader.ErrLost) {
		l.forget()
	}
	if err != nil {
		return 0, err
	}
	if l.decider.Memory().IsOutdated() {
		l.forget() // and acquire the journal again, with what can be decoded now
		return time.Millisecond, nil
	}
	return l.requeueAfter(), nil
}

// acquire makes this process the leader of the namespace: it fences whoever had the
// journal, replays what that holds, and loads everything else. internal/domain/stock
// states the protocol.
func (l *loop) acquire(ctx context.Context) error {
	// The lists that are loaded are newer than everything that arrived so far.
	l.queue.Clear()
	if err := l.leader.Fence(ctx); err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	if err := l.replay(ctx); err != nil {
		return fmt.Errorf("replay what the journal holds: %w", err)
	}
	lists, err := l.store.Lists(ctx, l.namespace)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	l.load(ctx, &lists)
	logr.FromContextOrDiscard(ctx).Info("acquired the stock journal", "epoch", l.leader.Epoch(), "seq", l.decider.Memory().Seq(), "waiting", l.queue.Len())
	l.metrics.acquired(l.namespace)
	return nil
}

// replay carries out what the journal held when it was acquired, from live objects. What
// the API server refuses to have written stays pending.
func (l *loop) replay(ctx context.Context) error {
	l.dispatch(ctx)
	for l.pool.InFlight() > 0 {
		l.complete(ctx, <-l.pool.Completed())
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.planner.Unapplied(l.leader.Pending())
}

func (l *loop) load(ctx context.Context, lists *store.Lists) {
	l.decider.Load(lists, l.leader.Seq(), l.leader.Kept())
	memory := l.decider.Memory()
	l.planner.Load(memory)
	l.publisher.Load(memory, lists.Items.Items)
	l.auditor.compare(ctx, memory, lists)
	l.auditor.restart(min(firstAudit, l.AuditInterval))
}

// forget drops everything a leader holds. The queue stays: what arrives from now on is
// newer than what the next acquisition loads.
func (l *loop) forget() {
	l.leader.Forget()
	l.decider.Forget()
	l.planner.Forget()
	l.publisher.Forget()
	l.pool.Forget()
}

// serve decides batch after batch. What was decided is written meanwhile: a
// batch does not wait for the slowest write of the one before.
func (l *loop) serve(ctx context.Context) error {
	for {
		if err := l.awaitWindow(ctx); err != nil {
			return err
		}
		handled, err := l.decideBatch(ctx)
		if err != nil {
			return err
		}
		l.dispatch(ctx)
		if l.decider.Memory().IsOutdated() || l.pool.InFlight() == 0 && (!handled || l.queue.Len() == 0) {
			return ctx.Err()
		}
	}
}

// awaitWindow completes effects until the next batch may be decided, or nobody waits
// and nothing is in flight. While something is in flight for long it returns now and
// then: more may be due than what waits.
func (l *loop) awaitWindow(ctx context.Context) error {
	gap, idle := l.Clock.NewTimer(l.window.remaining(l.Clock.Now())), l.Clock.NewTimer(idleRound)
	defer gap.Stop()
	defer idle.Stop()
	for ctx.Err() == nil {
		waiting, inFlight := l.queue.Len(), l.pool.InFlight()
		if l.window.isOpen(waiting, inFlight, l.Clock.Now()) || waiting == 0 && inFlight == 0 {
			return nil
		}
		select {
		case e := <-l.pool.Completed():
			l.complete(ctx, e)
		case <-l.queue.Arrived():
		case <-gap.C():
		case <-idle.C():
			return nil
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// decideBatch decides what waits, as far as there is room, and journals it. It
// reports whether it took anything from the queue.
func (l *loop) decideBatch(ctx context.Context) (handled bool, err error) {
	now := l.Clock.Now()
	if err := l.decider.WakeExpired(ctx, now); err != nil {
		return false, err
	}
	kept := l.leader.Kept()
	batch := l.decider.Decide(now, journal.NewRoom(kept, l.MaxBatch))
	l.observeBacklog(ctx, &batch, len(kept))
	if batch.Doubtful {
		l.leader.Suspect()
	}
	decided := len(batch.Decisions)
	if crowded := l.queue.Len() > 0; crowded || decided > 0 {
		l.window = batchWindow{began: now, crowded: crowded}
	}
	if decided > 0 {
		entries := batch.Entries()
		if err := l.leader.Append(ctx, entries); err != nil {
			return false, err
		}
		l.planner.Decided(batch.Decisions)
		l.metrics.decided(entries)
		l.schedule.Decided(decided, l.Clock.Now())
	}
	return batch.Handled > 0, l.leader.VerifyLeadership(ctx)
}

func (l *loop) observeBacklog(ctx context.Context, b *decide.Batch, kept int) {
	stuck := b.Full && len(b.Decisions) == 0
	l.metrics.backlog(l.namespace, l.queue.Len(), stuck)
	if stuck {
		logr.FromContextOrDiscard(ctx).Info("the stock journal is full of decisions that can't be carried out; nothing is decided until they are", "pending", kept)
	}
}

// dispatch has everything written whose time has come: what was decided first, then
// what people see.
func (l *loop) dispatch(ctx context.Context) {
	now := l.Clock.Now()
	l.more = l.planner.Dispatch(ctx, l.leader.Pending())
	l.more = l.publisher.Dispatch(ctx) || l.more
	if !l.pool.Full() {
		l.pool.Prune(now)
	}
}

// complete notes what became of an effect, and dispatches what had to wait for it.
func (l *loop) complete(ctx context.Context, e *effects.Effect) {
	l.pool.Complete(ctx, e)
	if l.more && len(l.pool.Completed()) == 0 && ctx.Err() == nil {
		l.dispatch(ctx)
	}
}

// requeueAfter is how long to wait when no event comes: until a reservation runs
// out, an effect is to be tried again, a projection is due, or an audit is.
func (l *loop) requeueAfter() time.Duration {
	now := l.Clock.Now()
	in := max(l.auditor.remaining(), time.Second)
	sooner := func(d time.Duration, is bool) {
		if is {
			in = min(in, max(d, time.Millisecond))
		}
	}
	sooner(l.decider.NextExpiry(now))
	sooner(l.pool.NextRetry())
	sooner(l.schedule.Next(now))
	return in
}

// isAtRest reports whether nothing is on the way between objects and ledger.
func (l *loop) isAtRest() bool { return len(l.leader.Kept()) == 0 && l.queue.Len() == 0 }

// audit compares the objects with the ledger, and says in the journal whether they agree.
func (l *loop) audit(ctx context.Context) error {
	freed, condition, err := l.auditor.audit(ctx, l.decider.Memory())
	if err != nil {
		return err
	}
	l.publisher.Touch(freed...)
	return l.leader.SetCondition(ctx, condition)
}
