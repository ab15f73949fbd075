package kafka

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
)

// Patience is a consumer's: it waits for what is away, since a record that is skipped is lost.
type Patience struct {
	Clock clock.Clock
	// Failed is told what went wrong, each time.
	Failed func(error)
}

// Until carries out until it succeeds, with pauses that grow from 0.2 to 10 seconds. The error is that ctx is over.
func (p Patience) Until(ctx context.Context, once func() error) error {
	backoff := wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 100, Cap: 10 * time.Second}
	for {
		err := once()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			return nil
		}
		p.Failed(err)
		if err := p.Pause(ctx, backoff.Step()); err != nil {
			return err
		}
	}
}

// Pause waits. The error is that ctx is over.
func (p Patience) Pause(ctx context.Context, d time.Duration) error {
	timer := p.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}
