package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/pacing"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// closeInterval is how often what a namespace without a journal has left is looked at, at most.
const closeInterval = time.Second

var errJournalIsBack = errors.New("somebody made a stock journal meanwhile")

// closer lets the items of a namespace go that has no journal any more and gets none: the
// namespace is being deleted, or all that it has of stock is. Nobody can decide there, so
// that there is nobody who knows more than the objects say.
type closer struct {
	*scope

	since time.Time // when it last left something
	// done is true once nothing in the namespace needs its loop any more.
	done bool
}

// remaining is how long until it is worth another look.
func (c *closer) remaining() time.Duration {
	return pacing.Remaining(c.since, closeInterval, c.Clock.Now())
}

// close takes the finalizer off every item that is being deleted and of which nothing is
// held. It is done when no item is left that waits for that; else an event tells when there
// is more to do.
func (c *closer) close(ctx context.Context) error {
	lists, err := c.store.Held(ctx, c.namespace)
	if err != nil {
		return fmt.Errorf("close %s: %w", c.namespace, err)
	}
	// Whoever makes a journal from now on loads lists that are newer than these, and finds
	// these items being deleted. Nothing is granted of them any more.
	switch _, err := c.store.LiveJournal(ctx, c.namespace); {
	case err == nil:
		return fmt.Errorf("close %s: %w", c.namespace, errJournalIsBack)
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("close %s: %w", c.namespace, err)
	}
	left, released, err := c.release(ctx, &lists)
	if released > 0 {
		logr.FromContextOrDiscard(ctx).Info("there is no stock journal any more; items that were deleted may go", "items", released)
	}
	if left > 0 || err != nil {
		c.since = c.Clock.Now()
	}
	c.done = left == 0 && err == nil
	return err
}

func (c *closer) release(ctx context.Context, lists *store.Lists) (left, released int, err error) {
	held := mayBeHeld(lists.Reservations.Items)
	for i := range lists.Items.Items {
		o := &lists.Items.Items[i]
		if !controllerutil.ContainsFinalizer(o, v1alpha1.StockItemFinalizer) {
			continue
		}
		if o.DeletionTimestamp == nil || held[o.Name] || held[anyProduct] {
			left++
			continue
		}
		o = o.DeepCopy()
		controllerutil.RemoveFinalizer(o, v1alpha1.StockItemFinalizer)
		if err := c.store.SetItemFinalizers(ctx, o); err != nil && !apierrors.IsNotFound(err) {
			return left, released, fmt.Errorf("let StockItem %s/%s go: %w", o.Namespace, o.Name, err)
		}
		released++
	}
	return left, released, nil
}

// anyProduct stands for all products where nobody can tell which.
const anyProduct = ""

// mayBeHeld are the products that reservations hold, or may: whether the last journal had
// granted one that still shows Pending nobody can say.
func mayBeHeld(reservations []v1alpha1.StockReservation) map[string]bool {
	held := map[string]bool{}
	for i := range reservations {
		switch r := &reservations[i]; r.Status.Phase {
		case v1alpha1.ReservationPending, v1alpha1.ReservationReserved, "":
			for _, l := range r.Spec.Lines {
				held[l.ProductID] = true
			}
			held[anyProduct] = held[anyProduct] || cachedclient.IsUnreadable(r, "spec.lines")
		default: // it is over
		}
	}
	return held
}
