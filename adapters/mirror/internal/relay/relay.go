package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// Run publishes until ctx is over. Whatever fails is tried again.
func (r *Relay) Run(ctx context.Context) error {
	producer, err := newProducer(r.o.Brokers, len(r.o.Outboxes)*(r.limits.rows+outbox.MaxRows))
	if err != nil {
		return err
	}
	defer producer.close()
	reports := newReport(r.o.Stage, r.metrics)
	var running sync.WaitGroup
	for _, o := range r.o.Outboxes {
		l := &line{
			Outbox: o, limits: r.limits, alone: r.alone, clock: r.o.Clock,
			producer: producer, metrics: r.metrics, report: reports, log: r.o.Log,
		}
		running.Go(func() { l.run(ctx) })
		running.Go(func() { l.measure(ctx) })
		running.Go(func() { l.watch(ctx) })
	}
	running.Wait()
	return nil
}

// measure counts what waits, from time to time.
func (l *line) measure(ctx context.Context) {
	for ctx.Err() == nil {
		asking, stop := context.WithTimeout(ctx, turnWithin)
		d, err := outbox.Waiting(asking, l.Pool)
		stop()
		if err == nil { // else who empties it tells
			l.report.waiting(l.Database, d, l.clock.Now())
		}
		wait(ctx, l.clock, l.limits.measure)
	}
}

// watch asks a broker that acknowledges nothing what is the matter.
func (l *line) watch(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, l.clock, time.Second)
		since := l.silent.Load()
		if since == 0 || l.clock.Since(time.Unix(0, since)) < l.limits.silence {
			continue
		}
		asking, stop := context.WithTimeout(ctx, l.limits.silence)
		err := l.producer.together.Ping(asking)
		stop()
		switch {
		case ctx.Err() != nil || l.silent.Load() != since:
		case err != nil:
			l.report.failed(fmt.Errorf("the broker can't be reached: %w", err))
		default:
			l.report.failed(fmt.Errorf("the broker has acknowledged nothing since %s", time.Unix(0, since).UTC().Format(time.RFC3339)))
		}
	}
}
