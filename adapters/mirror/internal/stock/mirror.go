package stock

import (
	"context"
	"fmt"
	"sync"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// Mirror brings the stock of a namespace to the database.
type Mirror struct {
	opts    Options
	view    *view
	teller  *teller
	keeper  *keeper
	sweeper *sweeper
}

// New makes the part. Its options are checked; nothing is read or written before Run.
func New(o Options) (*Mirror, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("options of the stock mirror: %w", err)
	}
	counters, err := newCounters(o.Registry)
	if err != nil {
		return nil, fmt.Errorf("register the metrics of the stock mirror: %w", err)
	}
	v, c, committed := newView(o.Clock), newCluster(o.Namespace, o.Client), make(chan struct{}, 1)
	return &Mirror{
		opts: o, view: v,
		teller: &teller{
			view: v, cluster: c, pool: o.Pool, clock: o.Clock, stage: o.Database, log: o.Log, metrics: counters, levels: o.Levels, committed: committed,
		},
		keeper:  &keeper{view: v, cluster: c, clock: o.Clock, log: o.Log, metrics: counters, committed: committed},
		sweeper: &sweeper{view: v, cluster: c, pool: o.Pool, clock: o.Clock, log: o.Log},
	}, nil
}

// Run watches and tells until ctx is over. Whatever else fails is tried again. An error says
// that the watches can't be set up.
func (m *Mirror) Run(ctx context.Context) error {
	stop, err := m.watch(ctx)
	if err != nil || ctx.Err() != nil {
		return err
	}
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { m.teller.Run(ctx) })
	all.Go(func() { m.keeper.Run(ctx) })
	all.Go(func() { m.sweeper.Run(ctx) })
	all.Wait()
	return nil
}

// Told reports whether the stock decision of a number, and all before it, are told.
func (m *Mirror) Told(ctx context.Context, journalSeq int64) (bool, error) {
	cursor, err := stockdb.Cursor(ctx, m.opts.Pool)
	return cursor >= journalSeq, err
}

// watch has the view shown what the cache has, and waits until all of that was shown.
func (m *Mirror) watch(ctx context.Context) (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	var synced []toolscache.InformerSynced
	for _, o := range []client.Object{&v1alpha1.StockJournal{}, &v1alpha1.StockItem{}, &v1alpha1.StockReservation{}, &v1alpha1.StockAdjustment{}} {
		informer, err := m.opts.Cache.GetInformer(ctx, o)
		if err != nil {
			stop()
			return nil, fmt.Errorf("watch %T: %w", o, err)
		}
		registration, err := informer.AddEventHandler(m.handler())
		if err != nil {
			stop()
			return nil, fmt.Errorf("watch %T: %w", o, err)
		}
		stops = append(stops, func() { _ = informer.RemoveEventHandler(registration) }) // the cache stops anyway
		synced = append(synced, registration.HasSynced)
	}
	toolscache.WaitForCacheSync(ctx.Done(), synced...)
	m.opts.Watch.Succeeded()
	return stop, nil
}

func (m *Mirror) handler() toolscache.ResourceEventHandler {
	see := func(o any, gone bool) {
		if object, ok := o.(client.Object); ok {
			m.view.see(object, gone)
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { see(o, false) },
		UpdateFunc: func(before, after any) {
			was, isObject := before.(client.Object)
			if is, ok := after.(client.Object); isObject && ok && was.GetUID() != is.GetUID() {
				see(was, true) // deleted and made again between two looks
			}
			see(after, false)
		},
		DeleteFunc: func(o any) {
			if last, unsure := o.(toolscache.DeletedFinalStateUnknown); unsure {
				o = last.Obj
			}
			see(o, true)
		},
	}
}
