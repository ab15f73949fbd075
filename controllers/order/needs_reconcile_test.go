package order

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/approval"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

type get = func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error

func TestNeedsReconcile(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	asked := &v1alpha1.Order{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "ord-1", UID: "1", Generation: 1},
		Spec:       v1alpha1.OrderSpec{Items: []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 1, UnitPrice: "1.00"}}},
	}
	for name, tc := range map[string]struct {
		stored []client.Object
		get    get
		want   bool
	}{
		"an order nobody looked at yet":                        {stored: []client.Object{asked}, want: true},
		"an order that is gone and has left nothing":           {want: false},
		"an order that can't be read is the controller's":      {get: failing, want: true},
		"an order that is too much for us is the controller's": {get: panicking, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(tc.stored...).
				WithInterceptorFuncs(interceptor.Funcs{Get: tc.get}).Build()
			r := &reconciler{client: c, live: c, clock: clock.RealClock{}, rules: &approval.Rules{}, expectations: cachedclient.NewExpectations(clock.RealClock{}, expectedWithin)}
			q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer q.ShutDown()
			r.enqueueWhereNeeded().Update(t.Context(), event.UpdateEvent{ObjectOld: asked, ObjectNew: asked}, q)
			if got := q.Len() == 1; got != tc.want {
				t.Errorf("needs a reconcile: %t", got)
			}
		})
	}
}

// A handler runs beside the cache: one that waited on for a cache that no longer fills
// would keep the manager from ending.
func TestNeedsReconcileEndsWithTheManager(t *testing.T) {
	unfilled := func(ctx context.Context, _ client.WithWatch, _ client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
		<-ctx.Done()
		return ctx.Err()
	}
	c := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{Get: unfilled}).Build()
	r := &reconciler{client: c, live: c, clock: clock.RealClock{}, rules: &approval.Rules{}, expectations: cachedclient.NewExpectations(clock.RealClock{}, expectedWithin)}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	asked := time.Now()
	r.needsReconcile(ctx, client.ObjectKey{Namespace: "shop", Name: "ord-1"})
	if took := time.Since(asked); took >= evaluateWithin {
		t.Errorf("it went on waiting for %s", took)
	}
}

func failing(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("the cache is not there")
}

func panicking(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
	panic("a case nobody thought of")
}
