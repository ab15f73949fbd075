package order

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/approval"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// A controller whose cache still shows the first order of a name finds, where it looks
// for that order's reservation, the reservation of a later order. What it decides about
// that one rests on another absence, which it has to look up as well.
func TestWhatIsDecidedOnALiveReservationIsVerifiedToo(t *testing.T) {
	for name, tc := range map[string]struct {
		live []client.Object
		// deleted is whether the reservation that is found live goes.
		deleted bool
	}{
		"the reservation of a newer order stays": {
			live: []client.Object{orderOfUID("second"), reservationFor("second")},
		},
		"the reservation of an order that is gone is cleared away": {
			live:    []client.Object{orderOfUID("first"), reservationFor("zeroth")},
			deleted: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, reads := staleReconciler(t, []client.Object{orderOfUID("first")}, tc.live)
			if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key}); err != nil {
				t.Fatal(err)
			}
			for kind, n := range reads {
				if n > 1 {
					t.Errorf("%s was looked up %d times", kind, n)
				}
			}
			err := r.live.Get(t.Context(), key, &v1alpha1.StockReservation{})
			if client.IgnoreNotFound(err) != nil {
				t.Fatal(err)
			}
			if deleted := apierrors.IsNotFound(err); deleted != tc.deleted {
				t.Errorf("the reservation was deleted: %t, want %t", deleted, tc.deleted)
			}
		})
	}
}

func TestAnAbsenceIsLookedUpOnce(t *testing.T) {
	deleted := orderOfUID("first")
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	r, reads := staleReconciler(t, []client.Object{deleted}, []client.Object{deleted})
	if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key}); err != nil {
		t.Fatal(err)
	}
	if n := reads["StockReservation"]; n != 1 {
		t.Errorf("its reservation was looked up %d times", n)
	}
	if err := r.live.Get(t.Context(), key, &v1alpha1.Order{}); !apierrors.IsNotFound(err) {
		t.Errorf("the order was not let go: %v", err)
	}
}

var key = types.NamespacedName{Namespace: "shop", Name: "ord-1"}

// orderOfUID is a Confirmed order, one of several that had its name.
func orderOfUID(uid types.UID) *v1alpha1.Order {
	return &v1alpha1.Order{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name, UID: uid, Generation: 1, Finalizers: []string{v1alpha1.OrderFinalizer},
		},
		Spec: v1alpha1.OrderSpec{
			Policy: &v1alpha1.OrderPolicy{},
			Items:  []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 1, UnitPrice: "1.00"}},
		},
		Status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderConfirmed, ObservedGeneration: 1},
	}
}

func reservationFor(order types.UID) *v1alpha1.StockReservation {
	return &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: "reservation-of-" + order},
		Spec: v1alpha1.StockReservationSpec{
			OrderRef: &v1alpha1.OrderReference{Name: key.Name, UID: string(order)}, Intent: v1alpha1.IntentHold,
		},
		Status: v1alpha1.StockReservationStatus{Phase: v1alpha1.ReservationReserved},
	}
}

// staleReconciler is a controller whose cache shows other objects than the API server
// has. reads counts what it looks up live, by kind.
func staleReconciler(t *testing.T, cached, live []client.Object) (r *reconciler, reads map[string]int) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	metrics, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	reads = map[string]int{}
	cache := fake.NewClientBuilder().WithScheme(scheme).WithObjects(cached...).Build()
	server := fake.NewClientBuilder().WithScheme(scheme).WithObjects(live...).Build()
	return &reconciler{
		client: interceptor.NewClient(server, interceptor.Funcs{
			Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				return cache.Get(ctx, key, o, opts...)
			},
			List: func(ctx context.Context, _ client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				return cache.List(ctx, list, opts...)
			},
		}),
		live: interceptor.NewClient(server, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				reads[kindOf(o)]++
				return c.Get(ctx, key, o, opts...)
			},
		}),
		clock: clock.RealClock{}, metrics: metrics, rules: &approval.Rules{}, expectations: cachedclient.NewExpectations(clock.RealClock{}, expectedWithin),
	}, reads
}

func kindOf(o client.Object) string {
	switch o.(type) {
	case *v1alpha1.Order:
		return "Order"
	case *v1alpha1.StockReservation:
		return "StockReservation"
	}
	return "StockJournal"
}
