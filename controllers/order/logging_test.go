package order

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// oneOrder reads as a cluster with the order ord-1.
type oneOrder struct{ client.Reader }

func (oneOrder) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if key.Name != "ord-1" {
		return errors.New("there is none")
	}
	object.SetAnnotations(map[string]string{v1alpha1.TraceIDAnnotation: "trace-1"})
	return nil
}

// The line "Reconciler error" is controller-runtime's, and comes from this logger.
func TestTheLinesOfAReconcileHaveTheTraceOfTheOrder(t *testing.T) {
	for name, want := range map[string]string{"ord-1": "trace-1", "gone": ""} {
		var out bytes.Buffer
		log := logFor(zap.New(zap.WriteTo(&out)), oneOrder{})
		log(nil).Info("the controller starts")
		out.Reset()
		log(&reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "shop", Name: name}}).Error(errors.New("no"), "Reconciler error")
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", out.String(), err)
		}
		if line["traceId"] != want || line["name"] != name || line["namespace"] != "shop" || line["controller"] != "order" {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}
