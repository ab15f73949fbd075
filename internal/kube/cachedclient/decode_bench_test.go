package cachedclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/streaming"
	"k8s.io/apimachinery/pkg/watch"
	restwatch "k8s.io/client-go/rest/watch"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const many = 1000

// storedOrder is an order as the API server sends it, managed fields and all.
func storedOrder(n int) *v1alpha1.Order {
	at := metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	o := &v1alpha1.Order{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Order"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: fmt.Sprintf("ord-%d", n), UID: "3f6c1c1e-6f0e-4b1e-9d0a-3b1f3d4c5e6f", ResourceVersion: fmt.Sprint(n + 1),
			CreationTimestamp: at, Finalizers: []string{v1alpha1.OrderFinalizer},
		},
		Spec: v1alpha1.OrderSpec{
			CustomerID: "cust-001", Currency: "EUR",
			Items:           []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 2, UnitPrice: "12.50"}},
			ShippingAddress: v1alpha1.Address{Street: "1 Harbour Road", City: "Hamburg", Country: "DE", Zip: "20457"},
		},
		Status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderConfirmed, TotalAmount: "25.00", Conditions: []metav1.Condition{
			{Type: "Ready", Status: metav1.ConditionTrue, LastTransitionTime: at, Reason: "Confirmed", Message: "stock is reserved"},
		}},
	}
	for _, manager := range []string{"gateway", "manager"} {
		o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: v1alpha1.GroupVersion.String(), Time: &at, FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:spec":{".":{},"f:currency":{},"f:customerID":{},"f:items":{},"f:shippingAddress":{".":{},"f:city":{},"f:country":{},"f:street":{},"f:zip":{}}}}`),
		})
	}
	return o
}

func deserializer(b *testing.B) runtime.Decoder {
	b.Helper()
	known := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(known); err != nil {
		b.Fatal(err)
	}
	metav1.AddToGroupVersion(known, v1alpha1.GroupVersion)
	return serializer.NewCodecFactory(known).UniversalDeserializer()
}

// BenchmarkList decodes a list of 1,000 orders.
func BenchmarkList(b *testing.B) {
	list := v1alpha1.OrderList{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "OrderList"}}
	for n := range many {
		list.Items = append(list.Items, *storedOrder(n))
	}
	text, err := json.Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	theirs := deserializer(b)
	compare(b, map[string]func() error{
		"client-go": func() error {
			body, err := io.ReadAll(bytes.NewReader(text))
			if err != nil {
				return err
			}
			_, _, err = theirs.Decode(body, nil, &v1alpha1.OrderList{})
			return err
		},
		"ours": func() error {
			_, err := listOf(bytes.NewReader(text))
			return err
		},
	})
}

// BenchmarkWatch decodes 1,000 events of a watch.
func BenchmarkWatch(b *testing.B) {
	var stream strings.Builder
	for n := range many {
		object, err := json.Marshal(storedOrder(n))
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&stream, `{"type":"MODIFIED","object":%s}`+"\n", object)
	}
	theirs, how := deserializer(b), decoding()
	all := func(d watch.Decoder) error {
		defer d.Close()
		for range many {
			if _, _, err := d.Decode(); err != nil {
				return err
			}
		}
		return nil
	}
	compare(b, map[string]func() error{
		"client-go": func() error {
			frames := jsonserializer.Framer.NewFrameReader(io.NopCloser(strings.NewReader(stream.String())))
			return all(restwatch.NewDecoder(streaming.NewDecoder(frames, theirs), theirs))
		},
		"ours": func() error {
			return all(newWatchDecoder[v1alpha1.Order](io.NopCloser(strings.NewReader(stream.String())), how, newNews(logr.Discard(), "Order")))
		},
	})
}

func compare(b *testing.B, ways map[string]func() error) {
	b.Helper()
	for name, run := range ways {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*many), "µs/object")
		})
	}
}
