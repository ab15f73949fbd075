package mirrorfaults

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/controllers/stock"
	mirrorrules "github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/test/testenv"
)

// leftToTheMirror is an item to which the mirror is the first that gives a finalizer. The manager
// does that mostly, and then the mirror has nothing to write.
const leftToTheMirror = "unheld"

// startManager runs one manager for all worlds. No fault is its own.
func startManager(t *testing.T) {
	t.Helper()
	mirrored := mirrorrules.Namespaces{"*"}
	env.StartManager(t, testenv.ManagerOptions{Wrap: []func(http.RoundTripper) http.RoundTripper{letTheMirrorGoFirst}},
		func(mgr ctrl.Manager) error {
			return stock.SetupWithManager(mgr, stock.Options{
				Holder: "manager", Registerer: prometheus.NewRegistry(), ProjectionInterval: 50 * time.Millisecond, Mirrored: mirrored,
			})
		},
		func(mgr ctrl.Manager) error { return order.SetupWithManager(mgr, order.Options{Mirrored: mirrored}) })
}

// letTheMirrorGoFirst has the manager's writes of leftToTheMirror in conflict until the mirror has
// written its finalizer there.
func letTheMirrorGoFirst(next http.RoundTripper) http.RoundTripper {
	return testenv.RoundTripper(func(req *http.Request) (*http.Response, error) {
		namespace, isThere := strings.CutSuffix(req.URL.Path, "/stockitems/"+leftToTheMirror)
		if !isThere || req.Method == http.MethodGet {
			return next.RoundTrip(req)
		}
		var item v1alpha1.StockItem
		key := types.NamespacedName{Namespace: namespace[strings.LastIndex(namespace, "/")+1:], Name: leftToTheMirror}
		if err := env.Client.Get(req.Context(), key, &item); err != nil || slices.Contains(item.Finalizers, v1alpha1.MirrorFinalizer) {
			return next.RoundTrip(req)
		}
		return &http.Response{
			StatusCode: http.StatusConflict, Status: "409 Conflict", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
			Header: http.Header{"Content-Type": {"application/json"}},
			Body:   io.NopCloser(strings.NewReader(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)),
		}, nil
	})
}
