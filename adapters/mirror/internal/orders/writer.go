package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/domain/trace"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// writers is how many writes are on their way at once. Each waits for the API server.
const writers = 16

// What a write waits for after an error: it doubles from the first to the last.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Minute
)

// planned is a write to the cluster. It has only what it needs of the order's version.
type planned struct {
	step orders.Step
	meta metav1.ObjectMeta
}

// writer does what was planned in the cluster, in the background: at most one write an order at
// once, and of several that wait for an order the newest. Each is fenced by uid and resourceVersion.
// One that is refused by these is forgotten: the watch brings what is newer.
type writer struct {
	client   client.Client
	recorder events.EventRecorder
	metrics  *metrics
	log      logr.Logger
	queue    workqueue.TypedRateLimitingInterface[string]

	mu      sync.Mutex
	waiting map[string]planned
}

func newWriter(o *Options, m *metrics) *writer {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry)
	return &writer{
		client: o.Client, recorder: o.Recorder, metrics: m, log: o.Log, waiting: map[string]planned{},
		queue: newQueue(limiter, o.Clock),
	}
}

func newQueue(limiter workqueue.TypedRateLimiter[string], c clock.WithTicker) workqueue.TypedRateLimitingInterface[string] {
	return workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[string]{Clock: c})
}

// add plans a step about a version of an order.
func (w *writer) add(o *v1alpha1.Order, step orders.Step) {
	p := planned{step: step, meta: metav1.ObjectMeta{
		Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion, Finalizers: o.Finalizers,
	}}
	w.mu.Lock()
	w.waiting[o.Name] = p
	w.mu.Unlock()
	w.queue.Add(o.Name)
}

// run works until ctx is over.
func (w *writer) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, w.queue.ShutDown)
	defer stop()
	var running sync.WaitGroup
	for range writers {
		running.Go(func() {
			for {
				name, over := w.queue.Get()
				if over {
					return
				}
				w.next(ctx, name)
			}
		})
	}
	running.Wait()
	return nil
}

// next does what waits for an order.
func (w *writer) next(ctx context.Context, name string) {
	defer w.queue.Done(name)
	w.mu.Lock()
	p, waits := w.waiting[name]
	delete(w.waiting, name)
	w.mu.Unlock()
	if !waits || ctx.Err() != nil {
		return
	}
	err := w.write(ctx, p)
	w.metrics.writes.WithLabelValues(string(p.step), resultOf(err)).Inc()
	if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		w.queue.Forget(name)
		return
	}
	if w.queue.NumRequeues(name) == 0 && ctx.Err() == nil {
		w.log.Error(err, "an order can't be written; it is tried again", "order", name, "step", p.step, "traceId", trace.IDOf(&p.meta))
	}
	w.mu.Lock()
	if _, newer := w.waiting[name]; !newer {
		w.waiting[name] = p
	}
	w.mu.Unlock()
	w.queue.AddRateLimited(name)
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case apierrors.IsConflict(err):
		return "conflict"
	case apierrors.IsNotFound(err):
		return "gone"
	default:
		return "error"
	}
}

// write does one step.
func (w *writer) write(ctx context.Context, p planned) error {
	switch p.step {
	case orders.Adopt:
		return w.setFinalizers(ctx, p, with(with(p.meta.Finalizers, v1alpha1.OrderFinalizer), v1alpha1.MirrorFinalizer))
	case orders.LetGo, orders.LetRefusedGo:
		return w.setFinalizers(ctx, p, without(p.meta.Finalizers, v1alpha1.MirrorFinalizer))
	case orders.ClearMark:
		return w.patch(ctx, p, map[string]any{"annotations": map[string]any{v1alpha1.UnaskedAnnotation: nil}})
	case orders.TakeOff:
		return w.patch(ctx, p, map[string]any{
			"annotations": map[string]any{v1alpha1.LeavingAnnotation: "true"},
			"finalizers":  []string{},
		})
	case orders.Refuse:
		if err := w.delete(ctx, p); err != nil {
			return err
		}
		w.tellRefused(p)
		return nil
	case orders.Delete:
		return w.delete(ctx, p)
	default:
		return fmt.Errorf("%s is no write", p.step)
	}
}

func with(finalizers []string, name string) []string {
	if slices.Contains(finalizers, name) {
		return finalizers
	}
	return append(slices.Clone(finalizers), name)
}

func without(finalizers []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(finalizers), func(f string) bool { return f == name })
}

func (w *writer) setFinalizers(ctx context.Context, p planned, to []string) error {
	o := &v1alpha1.Order{ObjectMeta: p.meta}
	o.Finalizers = to
	return cachedclient.SetFinalizers(ctx, w.client, o)
}

// patch changes metadata of the very version that was planned for.
func (w *writer) patch(ctx context.Context, p planned, change map[string]any) error {
	change["uid"], change["resourceVersion"] = p.meta.UID, p.meta.ResourceVersion
	text, err := json.Marshal(map[string]any{"metadata": change})
	if err != nil {
		return fmt.Errorf("%s: %w", p.step, err)
	}
	o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: p.meta.Namespace, Name: p.meta.Name}}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	return w.client.Patch(ctx, o, client.RawPatch(types.MergePatchType, text))
}

// delete deletes the very version that was planned for.
func (w *writer) delete(ctx context.Context, p planned) error {
	o := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Namespace: p.meta.Namespace, Name: p.meta.Name}}
	return w.client.Delete(ctx, o, client.Preconditions{UID: &p.meta.UID, ResourceVersion: &p.meta.ResourceVersion})
}

// tellRefused tells people why an order goes that they have made.
func (w *writer) tellRefused(p planned) {
	w.log.Info("a repeat of an order was refused", "order", p.meta.Name, "uid", p.meta.UID, "traceId", trace.IDOf(&p.meta))
	if w.recorder == nil {
		return
	}
	o := &v1alpha1.Order{ObjectMeta: p.meta}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	w.recorder.Eventf(o, nil, corev1.EventTypeWarning, "RepeatRefused", "Delete",
		"There was an order %s before, and it is in the archive: this one was deleted, and nobody is told of it. Give a new order another name, or another idempotency key.", p.meta.Name)
}
