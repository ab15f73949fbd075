package stock

import (
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

const (
	// round is how often the keeper looks what there is to do when nobody tells it.
	round = time.Second
	// keptARound is how many objects are given the finalizer in a round. Those that
	// Orderplane makes have it from the start.
	keptARound = 20
	// letGoAtOnce is how many objects are let go at a time.
	letGoAtOnce = 8
	// askNamespace is how often it is asked whether the namespace is being deleted, while
	// objects wait.
	askNamespace = 5 * time.Second
)

// keeper keeps objects in the cluster until they are told, and lets them go then. It touches
// the mirror's finalizer only, and only of the very version that it saw (rule 21).
type keeper struct {
	view      *view
	cluster   *cluster
	clock     clock.WithTicker
	log       logr.Logger
	metrics   *counters
	committed <-chan struct{}

	// letGo are the versions that were let go and whose end was not seen yet.
	letGo map[types.UID]string
	// terminating is whether the namespace is being deleted; it was asked then.
	terminating bool
	asked       time.Time
}

// Run keeps and lets go until ctx is over.
func (k *keeper) Run(ctx context.Context) {
	ticker := k.clock.NewTicker(round)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.committed:
			k.release(ctx)
		case <-ticker.C():
			k.release(ctx)
			k.hold(ctx)
		}
	}
}

// release lets go what may go.
func (k *keeper) release(ctx context.Context) {
	free, rest := k.view.mayGo(k.terminating)
	k.metrics.held(rest)
	if rest > 0 && !k.terminating && k.clock.Since(k.asked) >= askNamespace {
		k.askWhetherTerminating(ctx)
		free, _ = k.view.mayGo(k.terminating)
	}
	gone := make([]bool, len(free))
	var group errgroup.Group
	group.SetLimit(letGoAtOnce)
	for i, o := range free {
		group.Go(func() error {
			gone[i] = k.letGo[o.GetUID()] == o.GetResourceVersion() || k.set(ctx, o, false)
			return nil
		})
	}
	_ = group.Wait() // none of them fails
	going := make(map[types.UID]string, len(free))
	for i, o := range free {
		if gone[i] {
			going[o.GetUID()] = o.GetResourceVersion()
		}
	}
	k.letGo = going
}

func (k *keeper) askWhetherTerminating(ctx context.Context) {
	k.asked = k.clock.Now()
	terminating, err := k.cluster.isTerminating(ctx)
	if err != nil {
		k.log.Info("can't tell whether the namespace is being deleted", "error", err.Error())
		return
	}
	if terminating {
		k.log.Info("the namespace is being deleted: what is told is let go, whatever its phase")
	}
	k.terminating = terminating
}

// hold gives the finalizer to some of those that lack it.
func (k *keeper) hold(ctx context.Context) {
	if k.terminating {
		return
	}
	for _, o := range k.view.lacking(keptARound) {
		k.set(ctx, o, true)
	}
}

// set puts the mirror's finalizer on a version of an object, or takes it off. It reports false
// when that is to be tried again; who lost a race is shown another version.
func (k *keeper) set(ctx context.Context, seen client.Object, on bool) (done bool) {
	o := seen.DeepCopyObject().(client.Object)
	without := slices.DeleteFunc(slices.Clone(o.GetFinalizers()), func(f string) bool { return f == v1alpha1.MirrorFinalizer })
	o.SetFinalizers(without)
	if on {
		o.SetFinalizers(append(without, v1alpha1.MirrorFinalizer))
	}
	err := cachedclient.SetFinalizers(ctx, k.cluster.client, o)
	switch {
	case err == nil:
		k.metrics.finalized(on)
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
	case ctx.Err() != nil:
	default:
		k.log.Info("can't write the mirror's finalizer", "object", o.GetName(), "on", on, "error", err.Error())
		return false
	}
	return true
}
