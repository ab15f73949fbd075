package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// pollInterval is how often a starting component is asked whether it is ready.
const pollInterval = 50 * time.Millisecond

// Component is a process of a cluster, such as etcd or Orderplane's manager, with a
// log file and a sign that it serves. It can be started again after it was stopped.
type Component struct {
	name    string
	path    string
	args    func() []string
	env     []string // this process' own when nil
	dir     string   // this process' own when empty
	logFile string
	ready   func(ctx context.Context) error
	timeout time.Duration // of AwaitReady
	runAs   *Account      // this process' own when nil
	stop    os.Signal     // SIGTERM when nil

	mu      sync.Mutex
	process *Process
	log     *os.File
}

// Name of the component, such as "etcd" or "manager".
func (c *Component) Name() string { return c.name }

// Start runs the component and waits until it serves. One that does not is stopped again.
func (c *Component) Start(ctx context.Context) error {
	if err := c.Spawn(); err != nil {
		return err
	}
	if err := c.AwaitReady(ctx); err != nil {
		return errors.Join(err, c.Stop())
	}
	return nil
}

// Spawn runs the component and does not wait for it.
func (c *Component) Spawn() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	log, err := os.OpenFile(c.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", c.name, err)
	}
	p, err := StartProcess(c.name, Command{
		Path: c.path, Args: c.args(), Env: c.env, Dir: c.dir, Log: log, RunAs: c.runAs, StopSignal: c.stop,
	})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	c.process, c.log = p, log
	return nil
}

// AwaitReady waits until the component that was spawned serves, has ended, or has had
// its time.
func (c *Component) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for p := c.Process(); ; {
		err := c.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Exited():
			return fmt.Errorf("start %s: it ended at once (%w): %s says why", c.name, p.Err(), c.logFile)
		case <-ctx.Done():
			return fmt.Errorf("start %s: not ready: %w (last answer: %w): its log is %s", c.name, ctx.Err(), err, c.logFile)
		case <-tick.C:
		}
	}
}

// Process is the running process: its pid, its end, signals to it. It is nil while the
// component is stopped.
func (c *Component) Process() *Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process
}

// Signal sends the process a signal, such as SIGSTOP or SIGCONT.
func (c *Component) Signal(sig os.Signal) error {
	p := c.Process()
	if p == nil {
		return fmt.Errorf("signal %s: it is stopped; Restart it first", c.name)
	}
	return p.Signal(sig)
}

// Stop ends the component and returns when its process is gone; Restart brings it back.
func (c *Component) Stop() error { return c.end((*Process).Stop) }

func (c *Component) end(how func(*Process) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return nil
	}
	err := errors.Join(how(c.process), c.log.Close())
	c.process, c.log = nil, nil
	return err
}

// Kill ends the component as a crash does, without warning, and returns when its
// process is gone; Restart brings it back.
func (c *Component) Kill() error { return c.end((*Process).Kill) }

// Restart stops the component if it runs and starts it again on the same port, so that
// its clients find it again. ctx bounds the start.
func (c *Component) Restart(ctx context.Context) error {
	if err := c.Stop(); err != nil {
		return err
	}
	return c.Start(ctx)
}
