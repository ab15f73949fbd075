package shared

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// levelPrefix is before the product in the key of its stock level (the public contract).
	levelPrefix = "ops:inventory:"
	// levelLives is how long a level is kept (the public contract).
	levelLives = 300 * time.Second
	// levelFreshFor is how long a level that this gateway wrote is not written again.
	levelFreshFor = 240 * time.Second
	// mostLevels bounds the products that are remembered or wait. What is beyond that is not
	// written; what should have been dropped runs out by itself.
	mostLevels = 10_000
	// dropsAtOnce is how many keys one command drops.
	dropsAtOnce = 500
)

// Levels keeps stock levels in Redis for gateways that have not read the cluster yet, and drops
// those that change. A nil one keeps none.
//
// One goroutine writes and drops. It takes the level at the moment when it writes it, from the
// cache whose changes it is told of. So a level that was old when it was written is dropped
// afterwards: its change is told after the cache has it.
type Levels struct {
	client *goredis.Client
	guard  Guard
	now    func() time.Time
	// level gives the level of a product as it is answered; nil when it is not known.
	level func(product string) any
	wake  chan struct{}

	mu      sync.Mutex
	changed map[string]struct{}
	asked   map[string]struct{}
	written map[string]time.Time
}

// NewLevels keeps what level gives, by a guard.
func NewLevels(client *goredis.Client, guard Guard, now func() time.Time, level func(product string) any) *Levels {
	return &Levels{
		client: client, guard: guard, now: now, level: level, wake: make(chan struct{}, 1),
		changed: map[string]struct{}{}, asked: map[string]struct{}{}, written: map[string]time.Time{},
	}
}

// Find fills level by what Redis keeps of a product, and reports whether it keeps it.
func (l *Levels) Find(ctx context.Context, product string, level any) bool {
	if l == nil {
		return false
	}
	var text []byte
	err := l.guard(ctx, func(ctx context.Context) (err error) {
		text, err = l.client.Get(ctx, levelPrefix+product).Bytes()
		return err
	})
	return err == nil && json.Unmarshal(text, level) == nil
}

// Keep has the level of a product that was asked for written, soon. Nobody waits for it.
func (l *Levels) Keep(product string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	at, known := l.written[product]
	wanted := (!known || l.now().Sub(at) > levelFreshFor) && len(l.written) < mostLevels && len(l.asked) < mostLevels
	if wanted {
		l.asked[product] = struct{}{}
	}
	l.mu.Unlock()
	if wanted {
		l.tell()
	}
}

// Drop has the level of a product that changed dropped, soon. Nobody waits for it.
func (l *Levels) Drop(product string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	delete(l.written, product)
	if len(l.changed) < mostLevels {
		l.changed[product] = struct{}{}
	}
	l.mu.Unlock()
	l.tell()
}

func (l *Levels) tell() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been told already
	}
}

// Run writes and drops until ctx is over.
func (l *Levels) Run(ctx context.Context) {
	if l == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for _, product := range l.take(l.asked, mostLevels) {
			l.write(ctx, product)
		}
		for keys := l.take(l.changed, dropsAtOnce); len(keys) > 0; keys = l.take(l.changed, dropsAtOnce) {
			for i := range keys {
				keys[i] = levelPrefix + keys[i]
			}
			_ = l.guard(ctx, func(ctx context.Context) error { return l.client.Del(ctx, keys...).Err() })
		}
	}
}

// take takes products out of a set.
func (l *Levels) take(from map[string]struct{}, most int) (products []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for product := range from {
		if len(products) == most {
			break
		}
		products = append(products, product)
		delete(from, product)
	}
	return products
}

func (l *Levels) write(ctx context.Context, product string) {
	l.mu.Lock()
	l.written[product] = l.now()
	l.mu.Unlock()
	level := l.level(product)
	if level == nil {
		return
	}
	text, err := json.Marshal(level)
	if err != nil {
		return
	}
	_ = l.guard(ctx, func(ctx context.Context) error {
		return l.client.Set(ctx, levelPrefix+product, text, levelLives).Err()
	})
}

// Waiting is how many products wait to be written and to be dropped.
func (l *Levels) Waiting() (written, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked), len(l.changed)
}
