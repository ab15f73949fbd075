package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/orderplane/orderplane/internal/devcluster"
)

const (
	// readyWithin is how long a role may take until it serves.
	readyWithin = time.Minute
	// startTries is how often a role may end before it ever served: then
	// starting it once more would not help.
	startTries = 3
	readyPoll  = 50 * time.Millisecond
)

// role is a subcommand of the product's own binary, kept running.
type role struct {
	roleName   string
	executable string
	args       []string
	env        []string
	logFile    string
	ready      func(ctx context.Context) error
	out        io.Writer

	cancel context.CancelFunc
	done   chan struct{}
	served chan struct{} // closed when it was ready for the first time

	mu      sync.Mutex
	process *devcluster.Process
	failed  error
}

func (r *role) name() string { return r.roleName }

// start runs the role and returns when it serves.
func (r *role) start(ctx context.Context) error {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel, r.done, r.served = cancel, make(chan struct{}), make(chan struct{})
	go r.keepRunning(background)

	ctx, cancelWait := context.WithTimeout(ctx, readyWithin)
	defer cancelWait()
	select {
	case <-r.served:
		return nil
	case <-r.done:
		return r.failure()
	case <-ctx.Done():
		return fmt.Errorf("%s is not ready: %w; its log is %s", r.roleName, ctx.Err(), r.logFile)
	}
}

func (r *role) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// keepRunning starts the role, and again whenever it has ended, until ctx is
// done or it turns out that it can't start at all.
func (r *role) keepRunning(ctx context.Context) {
	defer close(r.done)
	var delay time.Duration
	for try := 1; ; try++ {
		began := time.Now()
		how := r.runOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if try >= startTries && !r.hasServed() {
			r.mu.Lock()
			r.failed = fmt.Errorf("%s can't start (%w): %s says why", r.roleName, how, r.logFile)
			r.mu.Unlock()
			return
		}
		delay = nextDelay(delay, time.Since(began))
		say(r.out, "%s ended (%v), starting it again in %s", r.roleName, how, delay)
		if !pause(ctx, delay) {
			return
		}
	}
}

func (r *role) hasServed() bool {
	select {
	case <-r.served:
		return true
	default:
		return false
	}
}

// runOnce runs one process of the role to its end and tells how it ended.
func (r *role) runOnce(ctx context.Context) error {
	log, err := os.OpenFile(r.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", r.roleName, err)
	}
	defer log.Close() //nolint:errcheck // the child wrote through its own descriptor
	p, err := r.spawn(ctx, log)
	if err != nil {
		return err
	}
	go r.watchReady(ctx, p)
	<-p.Exited()
	if err := p.Err(); err != nil {
		return err
	}
	return errors.New("exit status 0")
}

// spawn starts a process unless stop has been called: under the lock, so that
// stop sees either the new process or none that is still to come.
func (r *role) spawn(ctx context.Context, log io.Writer) (*devcluster.Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := devcluster.StartProcess(r.roleName, devcluster.Command{Path: r.executable, Args: r.args, Env: r.env, Log: log})
	if err != nil {
		return nil, err
	}
	r.process = p
	return p, nil
}

func (r *role) watchReady(ctx context.Context, p *devcluster.Process) {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	restarted := r.hasServed()
	for r.ready(ctx) != nil {
		select {
		case <-p.Exited():
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	if restarted {
		say(r.out, "%s is back", r.roleName)
		return
	}
	close(r.served)
}

// stop ends the role and returns when its process is gone.
func (r *role) stop(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	r.mu.Lock()
	p := r.process
	r.mu.Unlock()
	var err error
	if p != nil {
		err = p.Stop(ctx)
	}
	<-r.done
	return err
}

func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, "orderplane: "+format+"\n", args...)
}
