package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// How fast orders leave: with pauses that are longer while there are decisions to tell.
const (
	calmPause = 5 * time.Millisecond
	busyPause = 100 * time.Millisecond
	// lookAgain is when an order is asked about again that can't leave for another reason than time.
	lookAgain = time.Hour
)

// errNotTold says that an order waits for its reservation's end to be told, which is under way.
var errNotTold = errors.New("its reservation is not told yet")

// lastApplied is the annotation that kubectl apply leaves on what somebody applies.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// archiver finds out when orders may leave the cluster (rule 26), and has them looked at then. It
// holds the names of finished orders.
type archiver struct {
	Options

	dirty  *dirty
	reader reader
	queue  workqueue.TypedRateLimitingInterface[string]

	mu sync.Mutex
	// kept are objects that somebody applies: they would be made again.
	kept map[types.UID]struct{}
}

func newArchiver(o *Options, d *dirty, r reader) *archiver {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry)
	return &archiver{Options: *o, dirty: d, reader: r, kept: map[types.UID]struct{}{}, queue: newQueue(limiter, o.Clock)}
}

// schedule has an order asked about when its retention is over and its row is old enough.
func (a *archiver) schedule(ctx context.Context, o *v1alpha1.Order, row orders.Row) {
	switch o.Status.Phase {
	case v1alpha1.OrderCancelled, v1alpha1.OrderFulfilled, v1alpha1.OrderReturned:
	default:
		return
	}
	facts, err := a.reader.facts(ctx, o)
	if err != nil || o.DeletionTimestamp != nil || a.isKept(o.UID) {
		return
	}
	facts.Now = a.Clock.Now()
	_, at := order.ArchiveDue(facts)
	if at.IsZero() {
		return
	}
	if settled := row.MirroredAt.Add(a.ArchiveDelay); settled.After(at) {
		at = settled
	}
	a.queue.AddAfter(o.Name, at.Sub(facts.Now))
}

// archiving is what has to be known before an order takes a step to the archive. Nothing allows it
// unless its retention is over or it has taken a step already.
func (a *archiver) archiving(ctx context.Context, o *v1alpha1.Order, v orders.Version, e *entry) orders.Archiving {
	if v.Deleting || !v.Leaving && e.archive != o.UID {
		return orders.Archiving{}
	}
	facts, err := a.reader.facts(ctx, o)
	if err != nil {
		return orders.Archiving{}
	}
	facts.Now = a.Clock.Now()
	due, _ := order.ArchiveDue(facts)
	return orders.Archiving{
		Judged: due, Kept: hasForeignFinalizer(o), Delay: a.ArchiveDelay, Now: facts.Now,
		ReservationTold: due && a.isReservationTold(ctx, facts),
	}
}

func (a *archiver) isReservationTold(ctx context.Context, f order.Facts) bool {
	r := f.Reservation
	if r == nil || !order.BelongsTo(r, f.Order) {
		return true
	}
	if !orders.ReservationEnded(r) {
		return false
	}
	told, err := a.Told(ctx, journal.LastSeq(&r.Status))
	return err == nil && told
}

// run has orders looked at whose time has come, until ctx is over.
func (a *archiver) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, a.queue.ShutDown)
	defer stop()
	for {
		name, over := a.queue.Get()
		if over {
			return nil
		}
		err := a.ask(ctx, name)
		a.queue.Done(name)
		if err != nil && ctx.Err() == nil {
			a.queue.AddRateLimited(name)
			a.Log.V(1).Info("it can't be said whether an order may leave; it is asked again", "order", name, "error", err.Error())
		} else {
			a.queue.Forget(name)
		}
		a.pause(ctx)
	}
}

// pause lets decisions go first.
func (a *archiver) pause(ctx context.Context) {
	pause := calmPause
	if n, _ := a.dirty.len(); n > 0 {
		pause = busyPause
	}
	select {
	case <-ctx.Done():
	case <-a.Clock.After(pause):
	}
}

// ask has an order looked at if it may leave, and asks again later if it may not yet.
func (a *archiver) ask(ctx context.Context, name string) error {
	o, err := a.reader.order(ctx, name)
	if err != nil || o == nil || o.DeletionTimestamp != nil || cachedclient.IsSetAside(o) {
		return err
	}
	facts, err := a.reader.facts(ctx, o)
	if err != nil {
		return err
	}
	facts.Now = a.Clock.Now()
	due, at := order.ArchiveDue(facts)
	switch {
	case at.IsZero(): // it is not finished any more; it comes again when it is
		return nil
	case at.After(facts.Now):
		a.queue.AddAfter(name, at.Sub(facts.Now))
		return nil
	case !due || hasForeignFinalizer(o):
		a.queue.AddAfter(name, lookAgain)
		return nil
	case !a.isReservationTold(ctx, facts):
		return errNotTold
	}
	if kept, err := a.isApplied(ctx, o); err != nil || kept {
		return err
	}
	a.dirty.addArchive(name, o.UID)
	return nil
}

// isApplied says whether somebody applies an order and would make it again, such as Argo CD or Flux
// from Git. The caches have no managed fields, so the API server is asked, once an order.
func (a *archiver) isApplied(ctx context.Context, o *v1alpha1.Order) (bool, error) {
	if a.isKept(o.UID) {
		return true, nil
	}
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	if err := a.Client.Get(ctx, client.ObjectKeyFromObject(o), live); err != nil {
		return false, client.IgnoreNotFound(fmt.Errorf("ask who applies order %s: %w", o.Name, err))
	}
	_, byAnnotation := live.Annotations[lastApplied]
	isApplied := byAnnotation || slices.ContainsFunc(live.ManagedFields, func(f metav1.ManagedFieldsEntry) bool {
		return f.Operation == metav1.ManagedFieldsOperationApply && f.Subresource == ""
	})
	if isApplied {
		a.mu.Lock()
		a.kept[o.UID] = struct{}{}
		a.mu.Unlock()
		a.Log.V(1).Info("a finished order stays: somebody applies it", "order", o.Name)
	}
	return isApplied, nil
}

func (a *archiver) isKept(uid types.UID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, kept := a.kept[uid]
	return kept
}

// forget ends what is remembered of an object that is gone.
func (a *archiver) forget(uid types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.kept, uid)
}
