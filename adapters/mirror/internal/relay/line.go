package relay

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// turnWithin bounds a turn at the database.
const turnWithin = 30 * time.Second

// line empties one outbox.
type line struct {
	Outbox

	limits   limits
	alone    bool
	clock    clock.Clock
	producer *producer
	metrics  *metrics
	report   *report
	log      logr.Logger
	// silent is since when nothing has been acknowledged although something is on its way, in
	// nanoseconds since 1970; 0 while nothing is on its way.
	silent atomic.Int64
}

// run empties the outbox until ctx is over.
func (l *line) run(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		worked, err := l.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.report.failed(fmt.Errorf("%s: %w", l.Database, err))
			if worked || !failing {
				l.log.Error(err, "the outbox can't be emptied; trying again", "database", l.Database)
			}
			failing = true
		}
		wait(ctx, l.clock, l.limits.retry)
	}
}

// serve empties the outbox as long as its database is there, if no other relay does. It says whether it
// got to work.
func (l *line) serve(ctx context.Context) (worked bool, err error) {
	within, s, err := l.begin(ctx)
	if s == nil || err != nil {
		return false, err
	}
	defer s.end()
	l.log.V(1).Info("empties the outbox", "database", l.Database)
	f := newShift(ctx, l, s)
	defer func() { l.report.heldUp(l.Database, 0, nil) }()
	err = f.work(within)
	f.finish(ctx, err == nil)
	if err == nil {
		err = lost(within)
	}
	return true, err
}

// turn does one at the database.
func (l *line) turn(ctx context.Context, t outbox.Turn) turned {
	ctx, stop := context.WithTimeout(ctx, turnWithin)
	defer stop()
	began := l.clock.Now()
	deleted, queued, err := outbox.Take(ctx, l.Pool, l.Log, t)
	return turned{turn: t, deleted: deleted, queued: queued, err: err, took: l.clock.Since(began)}
}

// turned is what a turn has done.
type turned struct {
	turn    outbox.Turn
	deleted int64
	queued  []outbox.Queued
	err     error
	took    time.Duration
}

// wait returns when the time is over, or ctx is.
func wait(ctx context.Context, c clock.Clock, d time.Duration) {
	timer := c.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}
