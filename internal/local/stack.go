package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// stopWithin bounds the stop of each component; what is still there then is killed.
const stopWithin = 8 * time.Second

// component is a part of the stack.
type component interface {
	name() string
	// start returns when the component serves; ctx bounds that alone.
	start(ctx context.Context) error
	// stop returns when the component is gone. It is called even if start failed.
	stop(ctx context.Context) error
}

// Run starts the stack, says how to use it, and stops it when ctx is done.
func Run(ctx context.Context, opts Options) (err error) {
	if err := opts.Validate(); err != nil {
		return fmt.Errorf("local stack: %w", err)
	}
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return fmt.Errorf("local stack: dir: %w", err)
	}
	if err := os.MkdirAll(opts.path("log"), 0o750); err != nil {
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

type stack struct {
	opts       Options
	keys       jwtKeys
	cluster    *cluster
	components []component
	started    int
}

func newStack(opts Options) (*stack, error) {
	keys, err := openJWTKeys(opts.path("jwt"))
	if err != nil {
		return nil, err
	}
	s := &stack{opts: opts, keys: keys, cluster: &cluster{opts: opts}}
	s.components = []component{s.cluster, s.manager(), s.gateway()}
	return s, nil
}

func (s *stack) start(ctx context.Context) error {
	for _, c := range s.components {
		say(s.opts.Out, "starting %s", c.name())
		s.started++
		if err := c.start(ctx); err != nil {
			return fmt.Errorf("local stack: %w", err)
		}
	}
	return nil
}

func (s *stack) stop() error {
	say(s.opts.Out, "stopping")
	var errs []error
	for _, c := range slices.Backward(s.components[:s.started]) {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		errs = append(errs, c.stop(ctx))
		cancel()
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	say(s.opts.Out, "stopped; everything is kept in %s", s.opts.Dir)
	return nil
}
