package order

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/kinds"
)

// What was judged may have been replaced by the time it is to be deleted: the API
// server is told of which object the deletion is, and an order goes only as it was
// judged.
func TestOnlyWhatWasJudgedIsDeleted(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: "ord-1", UID: "uid-1", ResourceVersion: "7"}
	uid := ptr.To(types.UID("uid-1"))
	for name, tc := range map[string]struct {
		decision order.Decision
		want     metav1.Preconditions
	}{
		"a reservation": {order.Decision{Act: order.DeleteReservation, Reservation: &v1alpha1.StockReservation{ObjectMeta: meta}}, metav1.Preconditions{UID: uid}},
		"an order":      {order.Decision{Act: order.DeleteOrder}, metav1.Preconditions{UID: uid, ResourceVersion: ptr.To("7")}},
	} {
		var got metav1.Preconditions
		c := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
			Delete: func(_ context.Context, _ client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				sent := (&client.DeleteOptions{}).ApplyOptions(opts)
				if sent.Preconditions != nil {
					got = *sent.Preconditions
				}
				return nil
			},
		}).Build()
		if err := (&reconciler{client: c}).act(t.Context(), &v1alpha1.Order{ObjectMeta: meta}, tc.decision); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A leaving order is put back as it was judged, in one write that says nothing else of it.
func TestFinalizersComeBackFenced(t *testing.T) {
	scheme, err := kinds.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	o := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "ord-1", UID: "uid-1", ResourceVersion: "7", Finalizers: []string{"a", "b"},
		Annotations: map[string]string{"other": "x"},
	}}
	var sent string
	c := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(_ context.Context, _ client.WithWatch, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
			data, err := patch.Data(o)
			sent = string(data)
			return err
		},
	}).Build()
	if err := (&reconciler{client: c}).act(t.Context(), o, order.Decision{Act: order.RestoreFinalizers, Order: o}); err != nil {
		t.Fatal(err)
	}
	want := `{"metadata":{"annotations":{"orderplane.dev/leaving":null},"finalizers":["a","b"],"resourceVersion":"7","uid":"uid-1"}}`
	if sent != want {
		t.Errorf("sent %s, want %s", sent, want)
	}
}
