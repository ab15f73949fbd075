package redis

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
)

// levelPrefix is before the product id in the key of a cached stock level.
const levelPrefix = "ops:inventory:"

const (
	// mostPending bounds how many products wait to be dropped. What is beyond that runs out by
	// itself: a level is cached for 300 s.
	mostPending = 10_000
	// mostAtOnce is how many keys one command drops.
	mostAtOnce = 500
)

// Levels drops cached stock levels. It is a prometheus.Collector, too.
type Levels struct {
	client  *goredis.Client
	wake    chan struct{}
	dropped prometheus.Counter
	failed  prometheus.Counter

	mu      sync.Mutex
	pending map[string]struct{}
}

// NewLevels drops levels by a client; by none when that is nil.
func NewLevels(client *goredis.Client) *Levels {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "orderplane", Subsystem: "redis", Name: name, Help: help})
	}
	return &Levels{
		client: client, wake: make(chan struct{}, 1), pending: map[string]struct{}{},
		dropped: counter("levels_dropped_total", "Stock levels dropped from Redis since they changed."),
		failed:  counter("levels_failed_total", "Stock levels that could not be dropped from Redis. They run out by themselves."),
	}
}

// Drop has the levels of products dropped, soon. It neither waits nor fails.
func (l *Levels) Drop(products ...string) {
	if l == nil || l.client == nil {
		return
	}
	l.mu.Lock()
	for _, p := range products {
		if len(l.pending) < mostPending {
			l.pending[p] = struct{}{}
		} else {
			l.failed.Inc()
		}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it has been told already
	}
}

// Run drops what was asked for until ctx is over.
func (l *Levels) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		}
		for keys := l.take(); len(keys) > 0 && ctx.Err() == nil; keys = l.take() {
			if err := l.client.Del(ctx, keys...).Err(); err != nil {
				l.failed.Add(float64(len(keys)))
			} else {
				l.dropped.Add(float64(len(keys)))
			}
		}
	}
}

func (l *Levels) take() (keys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.pending {
		if len(keys) == mostAtOnce {
			break
		}
		keys = append(keys, levelPrefix+p)
		delete(l.pending, p)
	}
	return keys
}

// Describe is of prometheus.Collector.
func (l *Levels) Describe(to chan<- *prometheus.Desc) {
	l.dropped.Describe(to)
	l.failed.Describe(to)
}

// Collect is of prometheus.Collector.
func (l *Levels) Collect(to chan<- prometheus.Metric) {
	l.dropped.Collect(to)
	l.failed.Collect(to)
}
