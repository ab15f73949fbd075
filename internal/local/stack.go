package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// readyWithin is how long a component may take until it serves.
const readyWithin = time.Minute

// Run starts the stack, says how to use it, and stops it when ctx is done.
func Run(ctx context.Context, opts Options) (err error) {
	if err := opts.Validate(); err != nil {
		return fmt.Errorf("local stack: %w", err)
	}
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return fmt.Errorf("local stack: dir: %w", err)
	}
	if err := makeFolder(opts); err != nil {
		return fmt.Errorf("local stack: %w", err)
	}
	lock, err := takeLock(opts.path("lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	if opts.Ports, err = opts.Ports.complete(); err != nil {
		return err
	}
	s, err := newStack(opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped by its user while it was starting: no failure
		}
		return err
	}
	if err := s.announce(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// makeFolder makes the stack's folder. Each file in it is closed to others; the account of
// Postgres, which is not root, has to pass through.
func makeFolder(o Options) error {
	if err := os.MkdirAll(o.path("log"), 0o750); err != nil {
		return err
	}
	return os.Chmod(o.Dir, 0o751) //nolint:gosec // others may pass, not look
}

// stack is everything that runs, in the order in which it was started.
type stack struct {
	opts       Options
	keys       jwtKeys
	cp         *devcluster.ControlPlane
	orderplane *devcluster.Orderplane
	services   *services
	running    []*devcluster.Supervisor
}

func newStack(opts Options) (*stack, error) {
	keys, err := openJWTKeys(opts.path("jwt"))
	if err != nil {
		return nil, err
	}
	s := &stack{opts: opts, keys: keys}
	s.services = newServices(opts, s.say)
	return s, nil
}

func (s *stack) start(ctx context.Context) error {
	if err := s.startPlatform(ctx); err != nil {
		return fmt.Errorf("local stack: %w", err)
	}
	for _, c := range append(s.services.components(), s.cp.Etcd(), s.cp.APIServer().Component) {
		if err := s.keepRunning(ctx, c); err != nil {
			return err
		}
	}
	if err := s.install(ctx); err != nil {
		return fmt.Errorf("local stack: %w", err)
	}
	if err := s.startComponent(ctx, s.manager); err != nil {
		return err
	}
	if err := s.seedStock(ctx); err != nil {
		return fmt.Errorf("local stack: sample stock: %w", err)
	}
	if err := s.startComponent(ctx, s.gateway); err != nil || !s.opts.Mirror {
		return err
	}
	if err := s.startComponent(ctx, s.mirror); err != nil {
		return err
	}
	return s.startComponent(ctx, s.notifier)
}

// startPlatform runs what Orderplane's components need, all at once.
func (s *stack) startPlatform(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	s.say("starting control plane")
	group.Go(func() error { return s.startCluster(groupCtx) })
	if s.opts.Mirror {
		s.say("starting Postgres and Kafka")
		group.Go(func() error { return s.services.start(groupCtx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	ports := s.services.own()
	ports.Etcd, ports.APIServer = s.cp.Ports()
	return s.opts.rememberPorts(ports)
}

func (s *stack) startComponent(ctx context.Context, component func() (*devcluster.Component, error)) error {
	c, err := component()
	if err != nil {
		return fmt.Errorf("local stack: %w", err)
	}
	s.say("starting %s", c.Name())
	return s.keepRunning(ctx, c)
}

func (s *stack) keepRunning(ctx context.Context, c *devcluster.Component) error {
	running, err := devcluster.Supervise(ctx, c, s.say)
	if err != nil {
		return fmt.Errorf("local stack: %w", err)
	}
	s.running = append(s.running, running)
	return nil
}

func (s *stack) stop() error {
	s.say("stopping")
	var errs []error
	for _, r := range slices.Backward(s.running) {
		errs = append(errs, r.Stop())
	}
	if s.cp != nil {
		errs = append(errs, s.cp.Stop())
	}
	errs = append(errs, s.services.stop())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.say("stopped; everything is kept in %s", s.opts.Dir)
	return nil
}

func (s *stack) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.opts.Out, "orderplane: "+format+"\n", args...)
}
