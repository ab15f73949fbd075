package testenv_test

import (
	"os"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// env is the control plane of this test binary.
var env *testenv.Env

func TestMain(m *testing.M) { os.Exit(testenv.Run(m, func(e *testenv.Env) { env = e })) }

func TestEnvironment(t *testing.T) {
	ns := env.Namespace(t)
	if other := env.Namespace(t); other == ns {
		t.Fatalf("two namespaces are called %s", ns)
	}

	before := env.WriteCounts(t)
	item := &v1alpha1.StockItem{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "prod-001"},
		Spec:       v1alpha1.StockItemSpec{OpeningQuantity: 5},
	}
	if err := env.Client.Create(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	onHand := int64(5)
	item.Status.OnHand = &onHand
	if err := env.Client.Status().Update(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	stale := item.DeepCopy()
	stale.ResourceVersion = "1"
	if err := env.Client.Status().Update(t.Context(), stale); !apierrors.IsConflict(err) {
		t.Fatalf("a stale status write: got %v, want a conflict", err)
	}

	group := v1alpha1.GroupVersion.Group
	want := testenv.Writes{
		{Group: group, Resource: "stockitems", Verb: "POST"}:                       1,
		{Group: group, Resource: "stockitems", Subresource: "status", Verb: "PUT"}: 2,
	}
	written := env.WriteCounts(t).Since(before)
	for kind, n := range want {
		if written[kind] != n {
			t.Errorf("%s: counted %d, want %d", kind, written[kind], n)
		}
	}
	if got := written.Of("stockitems"); got != 3 {
		t.Errorf("writes to stockitems: %d, want 3:\n%s", got, written)
	}
	if got := written.Of("orders"); got != 0 {
		t.Errorf("writes to orders: %d, want 0", got)
	}

	jane := env.As(t, "jane")
	if err := jane.List(t.Context(), &v1alpha1.StockItemList{}, client.InNamespace(ns)); !apierrors.IsForbidden(err) {
		t.Errorf("a user without a role lists items: got %v, want forbidden", err)
	}
}
