package mirror

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
)

const (
	firstPause   = 500 * time.Millisecond
	longestPause = 10 * time.Second
)

// patience does what a dependency may keep from being done, until it is done.
type patience struct {
	clock clock.WithTicker
	log   logr.Logger
}

// until does something until it succeeds, ctx is over, or it fails for good. tell is given
// what went wrong each time; the log says it when it is another thing than before.
func (p patience) until(ctx context.Context, what string, tell func(error), do func(context.Context) error) error {
	var said string
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := do(ctx)
		if err == nil || ctx.Err() != nil || isFinal(err) {
			return err
		}
		tell(err)
		if err.Error() != said {
			said = err.Error()
			p.log.Info("waits and tries again", "what", what, "error", said)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.clock.After(pause):
		}
	}
}

// isFinal says whether only a person can mend what went wrong.
func isFinal(err error) bool {
	var (
		refusal    *guard.Refusal
		edited     *postgres.EditedError
		partitions *kafka.WrongPartitions
	)
	return errors.As(err, &refusal) || errors.As(err, &edited) || errors.As(err, &partitions)
}
