package orders

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/tools/cache"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Mirror brings the orders of a namespace to the database, and lets them leave the cluster. Any number
// of them may run.
type Mirror struct {
	opts     Options
	watcher  *watcher
	applier  *applier
	writer   *writer
	archiver *archiver
	sweeper  *sweeper
}

// New makes a mirror that does not run yet.
func New(o Options) (*Mirror, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("mirror of orders: %w", err)
	}
	m, err := newMetrics(o.Registry)
	if err != nil {
		return nil, fmt.Errorf("mirror of orders: %w", err)
	}
	d, r := newDirty(o.Clock), reader{cache: o.Cache, namespace: o.Namespace}
	w := newWatcher(d)
	mirror := &Mirror{
		opts: o, watcher: w, writer: newWriter(&o, m), archiver: newArchiver(&o, d, r),
		sweeper: &sweeper{Options: o, watcher: w, reader: r, metrics: m},
	}
	mirror.applier = &applier{
		Options: o, dirty: d, watcher: w, reader: r, metrics: m,
		archiver: mirror.archiver, writer: mirror.writer, parked: newParked(o.Log, m),
	}
	return mirror, nil
}

// Run mirrors until ctx is over. It begins once the cache shows what there is.
func (m *Mirror) Run(ctx context.Context) error {
	running, within := errgroup.WithContext(ctx)
	// An informer that is asked for waits until it is filled. The database can go on being looked after.
	running.Go(func() error { return m.watch(within) })
	running.Go(func() error { return m.sweeper.watchName(within) })
	running.Go(func() error { return m.applier.run(within) })
	running.Go(func() error { return m.writer.run(within) })
	running.Go(func() error { return m.archiver.run(within) })
	return running.Wait()
}

// watch follows the informer, and sweeps once it has shown what there is.
func (m *Mirror) watch(ctx context.Context) error {
	informer, err := m.opts.Cache.GetInformer(ctx, &v1alpha1.Order{})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("watch orders: %w", err)
	}
	registration, err := informer.AddEventHandler(m.watcher)
	if err != nil {
		return fmt.Errorf("watch orders: %w", err)
	}
	defer func() { _ = informer.RemoveEventHandler(registration) }()
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return nil
	}
	return m.sweeper.run(ctx)
}
