// Package order moves orders along their life: it gathers the facts about one,
// asks internal/domain/order what is to be done, does that one write and tells of it.
// All rules are in internal/domain/order; what is here is reading and writing.
package order

import (
	"fmt"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/approval"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Options of the order controller. The zero value is ready for use.
type Options struct {
	// Workers is how many orders are worked on at once. 16 when 0: a worker
	// spends its time waiting for the API server.
	Workers int
	// Clock that deadlines are measured by; the real one when nil.
	Clock clock.PassiveClock
	// Mirrored are the namespaces whose orders go to the archive by the mirror's hand.
	Mirrored mirror.Namespaces
}

const defaultWorkers = 16

// What an order waits for after an error: it doubles from the first to the last.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
)

// +kubebuilder:rbac:groups=orderplane.dev,resources=orders,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=orderplane.dev,resources=orders/status,verbs=update
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockreservations,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockjournals;orderclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager adds the order controller to a manager whose scheme knows
// api/v1alpha1.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	if o.Workers < 0 {
		return fmt.Errorf("order controller: Workers is %d; give 1 or more, or 0 for %d", o.Workers, defaultWorkers)
	}
	if o.Workers == 0 {
		o.Workers = defaultWorkers
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	m, err := newMetrics(metrics.Registry)
	if err != nil {
		return fmt.Errorf("order controller: %w", err)
	}
	statusWriter, err := cachedclient.NewStatusWriter(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetScheme())
	if err != nil {
		return fmt.Errorf("order controller: %w", err)
	}
	r := &reconciler{
		client: mgr.GetClient(), statusWriter: statusWriter, live: cachedclient.Live(mgr.GetAPIReader()), clock: o.Clock, metrics: m,
		mirrored: o.Mirrored,
		recorder: mgr.GetEventRecorder("orderplane"),
		rules:    &approval.Rules{}, expectations: cachedclient.NewExpectations(o.Clock, expectedWithin),
	}
	err = ctrl.NewControllerManagedBy(mgr).
		Named("order").
		Watches(&v1alpha1.Order{}, r.enqueueWhereNeeded()).
		Watches(&v1alpha1.StockReservation{}, r.enqueueWhereNeeded(), builder.WithPredicates(decidedReservations())).
		Watches(&v1alpha1.StockJournal{}, r.enqueueForJournal()).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			LogConstructor:          logFor(mgr.GetLogger(), mgr.GetCache()),
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("order controller: %w", err)
	}
	return nil
}

// decidedReservations lets through what can matter to an order: something was decided
// about the reservation, its intent was changed, it goes or is gone. One that was just made
// matters to nobody until it is decided.
func decidedReservations() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool {
			r, ok := e.Object.(*v1alpha1.StockReservation)
			undecided := ok && r.Status.Phase == v1alpha1.ReservationPending && r.Spec.Intent == v1alpha1.IntentHold
			return !undecided
		},
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, ok1 := e.ObjectOld.(*v1alpha1.StockReservation)
			is, ok2 := e.ObjectNew.(*v1alpha1.StockReservation)
			return !ok1 || !ok2 || was.UID != is.UID || cachedclient.IsSetAside(was) || cachedclient.IsSetAside(is) || was.Status.Phase != is.Status.Phase ||
				journal.LastSeq(&was.Status) != journal.LastSeq(&is.Status) ||
				was.Spec.Intent != is.Spec.Intent || was.DeletionTimestamp.IsZero() != is.DeletionTimestamp.IsZero()
		},
	}
}
