package v1alpha1_test

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/test/testenv"
)

// storedBefore are objects whose texts today's rules would refuse.
func storedBefore(namespace string) []*unstructured.Unstructured {
	unwise := func(kind string, edit edits, plural string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: edit.of(good(plural))}
		o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		o.SetName("unwise")
		if !clusterScoped(kind) {
			o.SetNamespace(namespace)
		}
		return o
	}
	return []*unstructured.Unstructured{
		unwise("Order", edits{
			"spec.customerID": "two words", "spec.contact": object{"email": "Bob <x@y>, z@w"},
			"spec.shippingAddress": object{"street": "1\n2", "city": "a\x00b", "country": "D\u2028E", "zip": "1\n"},
			"spec.policy":          object{"autoApproveReturns": "true\r\n"},
			"spec.cancellation":    object{"reason": "CUSTOMER_REQUEST", "requestedBy": "a\nb", "onBehalfOf": "two words"},
			"spec.fulfillment":     object{"carrier": "D\tH", "trackingNumber": "4\x1b2"},
			"spec.return": object{
				"requestID": "r\n1", "reason": "x\ny", "items": []any{object{"productID": "NOT A NAME", "quantity": int64(1)}},
				"decision": object{"verdict": "Approve", "reason": "a\u0085b"},
			},
		}, "orders"),
		unwise("StockItem", edits{"spec.sku": "A\tB", "spec.name": "two\nlines"}, "stockitems"),
		unwise("StockAdjustment", edits{"spec.reason": "two\nlines"}, "stockadjustments"),
		unwise("StockReservation", edits{
			"spec.lines": []any{object{"productID": "NOT A NAME", "quantity": int64(1)}}, "spec.orderRef": object{"name": "o\n1", "uid": "u\n1"},
		}, "stockreservations"),
		unwise("OrderClass", edits{"spec.autoApproveReturns": "true\r\n"}, "orderclasses"),
	}
}

// What was stored before a rule came is read whole, and people and controllers go
// on writing it: the API server asks a rule only of what a write changes.
func TestWhatWasStoredBeforeARuleLivesOn(t *testing.T) {
	env := testenv.Start(t)
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{env.ControlPlane.EtcdEndpoint()}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = etcd.Close() }()
	for i, o := range storedBefore(env.Namespace(t)) {
		t.Run(o.GetKind(), func(t *testing.T) {
			if err := env.Client.Create(context.Background(), o.DeepCopy()); err == nil {
				t.Error("a new one is not refused")
			}
			store(t, etcd, o, 100+i)
			livesOn(t, env.Client, o)
		})
	}
}

// An opening quantity that a manifest no longer says is no change; nor is one that
// comes back as it was. It counts until the stock controller has counted it.
func TestOpeningQuantityTakenOutOfGit(t *testing.T) {
	env := testenv.Start(t)
	ctx, namespace := context.Background(), env.Namespace(t)
	apply := func(spec object) error {
		o := &unstructured.Unstructured{Object: object{"spec": spec}}
		o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("StockItem"))
		o.SetNamespace(namespace)
		o.SetName("tea")
		return env.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("git"))
	}
	with, without := object{"sku": "T", "openingQuantity": int64(5)}, object{"sku": "T"}
	if err := apply(with); err != nil {
		t.Fatal(err)
	}
	if err := apply(without); err == nil {
		t.Fatal("it is gone before it was counted")
	}
	o := &v1alpha1.StockItem{}
	if err := env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "tea"}, o); err != nil {
		t.Fatal(err)
	}
	stock.Project(o, 0, metav1.Now())
	if err := env.Client.Status().Update(ctx, o); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		spec    object
		allowed bool
	}{
		{without, true}, {without, true}, {with, true}, {object{"openingQuantity": int64(6)}, false}, {without, true},
		{object{"openingQuantity": int64(0)}, false}, {object{"openingQuantity": int64(6)}, false}, {with, true},
	} {
		if err := apply(step.spec); (err == nil) != step.allowed {
			t.Errorf("apply %v: %v", step.spec, err)
		}
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
		if onHand := journal.OnHand(o); onHand != 5 {
			t.Errorf("after %v: %d on hand", step.spec, onHand)
		}
	}
}
