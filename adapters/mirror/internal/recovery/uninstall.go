package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/leader"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/postgres"
)

const (
	// releasesPerSecond and releasesAtOnce pace what is written: others use the API server, too.
	releasesPerSecond = 200
	releasesAtOnce    = 8
	// passes bound how often the namespace is listed: what comes in meanwhile is taken with it.
	passes = 5
	// lockWithin is how long Postgres may take to say whether a mirror runs.
	lockWithin = 10 * time.Second
)

// errBack is that somebody puts the finalizer back.
var errBack = errors.New("the finalizer came back")

// Uninstall takes the mirror's finalizer, and its marks, off everything in the namespace,
// so that it is as if there had never been a mirror. Manager and gateway must not set it
// any more, and no mirror may run. What is in Postgres and Kafka stays.
func (t *Tools) Uninstall(ctx context.Context) error {
	release, err := t.holdIfThere(ctx)
	if err != nil {
		return fmt.Errorf("uninstall: %w", err)
	}
	defer release()
	pace := rate.NewLimiter(releasesPerSecond, releasesAtOnce)
	var total int64
	for range passes {
		var pass tally
		for _, kind := range kinds() {
			if err := t.release(ctx, kind, pace, &pass); err != nil {
				return t.told(err, total+pass.released.Load())
			}
		}
		total += pass.released.Load()
		if pass.released.Load()+pass.changed.Load() == 0 {
			t.uninstalled(total)
			return nil
		}
	}
	return t.told(errBack, total)
}

// tally counts what a pass came across.
type tally struct {
	released atomic.Int64
	// changed are those that somebody else wrote meanwhile. They come in the next pass.
	changed atomic.Int64
}

// kinds are those that a mirror holds. Documents come first: there are most of them.
func kinds() []string { return []string{"StockAdjustment", "StockItem", "Order", "StockReservation"} }

func (t *Tools) uninstalled(total int64) {
	ns := t.World.Namespace
	fmt.Fprintf(t.Out, "the mirror's finalizer was taken off %d objects of namespace %s\n", total, ns)
	fmt.Fprintf(t.Out, "What is created from now on gets it again if manager or gateway have %s in MIRRORED_NAMESPACES. That can't be seen from here: look, and run this again after a change.\n", ns)
}

// told explains a finalizer that comes back.
func (t *Tools) told(err error, released int64) error {
	if !errors.Is(err, errBack) {
		return fmt.Errorf("uninstall, after %d objects: %w", released, err)
	}
	return &guard.Refusal{
		Why:    fmt.Sprintf("the mirror's finalizer is put back on objects of namespace %s: manager or gateway still say that it is mirrored", t.World.Namespace),
		WayOut: "take the namespace out of MIRRORED_NAMESPACES of both, wait until they have restarted, and run this again",
	}
}

// holdIfThere keeps a mirror from starting. Where Postgres is gone for good none can lead.
func (t *Tools) holdIfThere(ctx context.Context) (release func(), err error) {
	within, cancel := context.WithTimeout(ctx, lockWithin)
	defer cancel()
	release, err = leader.Hold(within, t.World.Orders)
	if err == nil || ctx.Err() != nil || !isGone(err) {
		return release, err
	}
	fmt.Fprintf(t.Out, "Postgres does not answer, so no mirror can lead: %v\n", err)
	return func() {}, nil
}

// isGone says that there is no server, or no database in it.
func isGone(err error) bool {
	const noDatabase = "3D000"
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == noDatabase {
		return true
	}
	return postgres.IsAway(err) || errors.Is(err, context.DeadlineExceeded)
}

// release takes the finalizer off all objects of a kind that have it.
func (t *Tools) release(ctx context.Context, kind string, pace *rate.Limiter, count *tally) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	for next := ""; ; {
		if err := t.Kube.List(ctx, list, client.InNamespace(t.World.Namespace), client.Limit(cachedclient.Page), client.Continue(next)); err != nil {
			return fmt.Errorf("list objects of kind %s: %w", kind, err)
		}
		next = list.GetContinue()
		if err := t.releaseAll(ctx, list.Items, pace, count); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
	}
}

func (t *Tools) releaseAll(ctx context.Context, objects []metav1.PartialObjectMetadata, pace *rate.Limiter, count *tally) error {
	writing, within := errgroup.WithContext(ctx)
	writing.SetLimit(releasesAtOnce)
	for i := range objects {
		if !mirrored(&objects[i]) {
			continue
		}
		if pace.Wait(within) != nil { // a write failed, or ctx is over
			break
		}
		writing.Go(func() error { return t.releaseOne(within, &objects[i], count) })
	}
	if err := writing.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// marks are the mirror's annotations.
func marks() []string { return []string{v1alpha1.UnaskedAnnotation, v1alpha1.LeavingAnnotation} }

// mirrored says whether an object has anything of the mirror's.
func mirrored(o client.Object) bool {
	return slices.Contains(o.GetFinalizers(), v1alpha1.MirrorFinalizer) ||
		slices.ContainsFunc(marks(), func(name string) bool { _, has := o.GetAnnotations()[name]; return has })
}

// releaseOne writes to that very version. One that has changed comes in the next pass.
func (t *Tools) releaseOne(ctx context.Context, o *metav1.PartialObjectMetadata, count *tally) error {
	kind, name := o.Kind, o.Name
	patch, err := releasing(o)
	if err != nil {
		return err
	}
	err = t.Kube.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch))
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		count.changed.Add(1)
		return nil
	case err != nil:
		return fmt.Errorf("take the finalizer off %s %s: %w", kind, name, err)
	case mirrored(o):
		return fmt.Errorf("%s %s: %w", kind, name, errBack)
	default:
		count.released.Add(1)
		return nil
	}
}

// releasing is the patch that takes what is the mirror's off one version of an object.
func releasing(o client.Object) ([]byte, error) {
	kept := slices.DeleteFunc(slices.Clone(o.GetFinalizers()), func(f string) bool { return f == v1alpha1.MirrorFinalizer })
	annotations := map[string]any{}
	for _, name := range marks() {
		if _, has := o.GetAnnotations()[name]; has {
			annotations[name] = nil
		}
	}
	metadata := map[string]any{"uid": o.GetUID(), "resourceVersion": o.GetResourceVersion(), "finalizers": kept}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	return json.Marshal(map[string]any{"metadata": metadata})
}
