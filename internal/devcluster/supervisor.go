package devcluster

import (
	"context"
	"errors"
	"time"
)

// Delays between the end of a process and its next start: doubling from the
// first to the last, and back to the first once it has run for a while.
const (
	firstDelay = 200 * time.Millisecond
	lastDelay  = 10 * time.Second
	stableRun  = 30 * time.Second
)

// startTries is how often a process is started that ends at once: a port may have been
// taken between our looking and its being used. A further try would not help.
const startTries = 3

// Supervisor keeps a component running: it starts it again whenever it has ended by itself.
type Supervisor struct {
	component *Component
	say       func(format string, args ...any)
	cancel    context.CancelFunc
	done      chan struct{}
}

// Supervise starts a component, unless it runs already, and keeps it running until
// Stop. ctx bounds the start. What happens is told to say.
func Supervise(ctx context.Context, c *Component, say func(format string, args ...any)) (*Supervisor, error) {
	for try, delay := 1, firstDelay; c.Process() == nil; try, delay = try+1, 2*delay {
		err := c.Start(ctx)
		if err == nil {
			break
		}
		if try == startTries || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
		say("%v; starting it again in %s", err, delay)
		if !pause(ctx, delay) {
			return nil, err
		}
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Supervisor{component: c, say: say, cancel: cancel, done: make(chan struct{})}
	go s.keepRunning(background)
	return s, nil
}

// Stop ends the component and returns when its process is gone.
func (s *Supervisor) Stop() error {
	s.cancel()
	<-s.done
	return s.component.Stop()
}

// keepRunning starts the component again whenever it has ended, until ctx is done.
func (s *Supervisor) keepRunning(ctx context.Context) {
	defer close(s.done)
	var delay time.Duration
	began, how := time.Now(), "it did not start"
	for {
		if p := s.component.Process(); p != nil {
			select {
			case <-p.Exited():
				how = p.Err().Error()
			case <-ctx.Done():
				return
			}
		}
		delay = nextDelay(delay, time.Since(began))
		s.say("%s ended (%s), starting it again in %s", s.component.name, how, delay)
		if !pause(ctx, delay) {
			return
		}
		began, how = time.Now(), "it did not start"
		switch err := s.component.Restart(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.say("%v", err)
		default:
			s.say("%s is back", s.component.name)
		}
	}
}

// nextDelay is how long to wait before a process that ran for ran is started
// again, when the delay before was last (0 at its first end).
func nextDelay(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= stableRun {
		return firstDelay
	}
	return min(2*last, lastDelay)
}

// pause waits, and is false when ctx was done first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
