// Package stock is the stock controller: it gathers what internal/domain/stock needs
// to decide, journals the decisions and carries them out. The reconcile key is
// a namespace, so that one goroutine decides a namespace's stock and whatever
// arrives meanwhile is the next batch.
package stock

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	crevent "sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/decide"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// +kubebuilder:rbac:groups=orderplane.dev,resources=stockreservations;stockitems;stockadjustments,verbs=get;list;watch
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockitems,verbs=patch
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockreservations/status;stockitems/status;stockadjustments/status,verbs=update
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockjournals,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockjournals/status,verbs=update

// How long a namespace waits after a lost journal or an API server that is
// away: short at first, and never so long that people notice it came back.
const (
	firstFailure = 10 * time.Millisecond
	lastFailure  = 10 * time.Second
)

// reconciler decides stock, a namespace at a time.
type reconciler struct {
	opts    Options
	store   *store.Store
	metrics *stockMetrics

	mu    sync.Mutex
	loops map[string]*loop
}

// SetupWithManager adds the stock controller to a manager. It needs leader
// election to be efficient, not to be safe: two at once take the journal from
// each other and neither oversells.
func SetupWithManager(mgr ctrl.Manager, opts Options) error {
	if err := opts.complete(); err != nil {
		return err
	}
	metrics, err := newMetrics(opts.Registerer)
	if err != nil {
		return err
	}
	status, err := cachedclient.NewStatusWriter(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetScheme())
	if err != nil {
		return err
	}
	r := &reconciler{
		opts: opts, metrics: metrics, loops: map[string]*loop{},
		store: store.New(mgr.GetAPIReader(), mgr.GetClient(), status),
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("stock").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: opts.Namespaces,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstFailure, lastFailure),
		}).
		WatchesRawSource(source.Kind(mgr.GetCache(), &v1alpha1.StockItem{}, watch(r, nil, itemChanged))).
		WatchesRawSource(source.Kind(mgr.GetCache(), &v1alpha1.StockReservation{}, watch(r, reservationMatters, reservationChanged))).
		WatchesRawSource(source.Kind(mgr.GetCache(), &v1alpha1.StockAdjustment{}, watch(r, documentMatters, documentChanged))).
		WatchesRawSource(source.Kind(mgr.GetCache(), &v1alpha1.StockJournal{}, watch(r, onlyItsDeletionMatters, nil))).
		Complete(r)
}

// Reconcile decides what waits in a namespace.
func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	l := r.loopOf(req.Namespace)
	requeueAfter, err := l.run(ctx)
	switch {
	case ctx.Err() != nil:
		err = nil // the manager stops: what was cut short is no error
	case err == nil && l.closer.done:
		r.drop(l)
	}
	return reconcile.Result{RequeueAfter: requeueAfter}, err
}

// drop forgets a loop that has ended. An event that still comes to its queue has its
// namespace reconciled, and what a new loop loads is newer than that event.
func (r *reconciler) drop(l *loop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.loops, l.namespace)
	r.metrics.forget(l.namespace)
}

func (r *reconciler) loopOf(namespace string) *loop {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.loops[namespace]
	if l == nil {
		l = newLoop(&scope{Options: &r.opts, namespace: namespace, store: r.store, metrics: r.metrics})
		r.loops[namespace] = l
	}
	return l
}

type workQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// watch puts what happens to objects of one kind into their namespace's queue.
// matters says which new objects may need a decision (all when nil), changed
// which updates may (none when nil).
func watch[O client.Object](r *reconciler, matters func(O) bool, changed func(before, after O) bool) handler.TypedEventHandler[O, reconcile.Request] {
	put := func(o O, gone bool, q workQueue) {
		r.loopOf(o.GetNamespace()).queue.Put(decide.Event{Object: o, Gone: gone, Watched: true})
		q.Add(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace()}})
	}
	return handler.TypedFuncs[O, reconcile.Request]{
		CreateFunc: func(_ context.Context, e crevent.TypedCreateEvent[O], q workQueue) {
			if matters == nil || cachedclient.IsSetAside(e.Object) || matters(e.Object) {
				put(e.Object, false, q)
			}
		},
		UpdateFunc: func(_ context.Context, e crevent.TypedUpdateEvent[O], q workQueue) {
			if e.ObjectOld.GetUID() != e.ObjectNew.GetUID() {
				// Deleted and made again between two looks.
				put(e.ObjectOld, true, q)
				put(e.ObjectNew, false, q)
				return
			}
			setAside := cachedclient.IsSetAside(e.ObjectOld) || cachedclient.IsSetAside(e.ObjectNew)
			if setAside || changed != nil && changed(e.ObjectOld, e.ObjectNew) {
				put(e.ObjectNew, false, q)
			}
		},
		DeleteFunc: func(_ context.Context, e crevent.TypedDeleteEvent[O], q workQueue) {
			put(e.Object, true, q)
		},
	}
}

func itemChanged(before, after *v1alpha1.StockItem) bool {
	return before.Generation != after.Generation || deletionBegan(before, after) || len(before.Finalizers) != len(after.Finalizers) ||
		stockShown(before) != stockShown(after)
}

// stockShown is what people see of an item's stock. A change of it alone is news
// when this process did not make it.
func stockShown(o *v1alpha1.StockItem) [3]int64 {
	return [3]int64{journal.OnHand(o), o.Status.Reserved, o.Status.Available}
}

// A change of a reservation's or a document's status alone never matters: the
// stock controller made it.
func reservationMatters(r *v1alpha1.StockReservation) bool {
	return stock.MayBeDue(r) || r.Spec.ExpiresAt != nil
}

func reservationChanged(before, after *v1alpha1.StockReservation) bool {
	return before.Generation != after.Generation || deletionBegan(before, after)
}

func onlyItsDeletionMatters(*v1alpha1.StockJournal) bool { return false }

func documentMatters(d *v1alpha1.StockAdjustment) bool {
	return !journal.Settled(d)
}

// Of a document's changes only its deletion matters, while it waits for a decision.
func documentChanged(before, after *v1alpha1.StockAdjustment) bool {
	return documentMatters(after) && deletionBegan(before, after)
}

func deletionBegan(before, after client.Object) bool {
	return (before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil)
}
