package cachedclient_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/test/testenv"
)

// asked notes the lists and watches of orders, and can break what comes back.
type asked struct {
	next http.RoundTripper
	mu   sync.Mutex
	// lists are those of the requests' limits, versions and continue tokens.
	limits   []string
	versions []string
	watches  int
	limit    int // of the lists as sent; 0 for as asked
}

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/orders") && r.Method == http.MethodGet {
		a.mu.Lock()
		q := r.URL.Query()
		if q.Get("watch") != "" {
			a.watches++
		} else {
			a.limits, a.versions = append(a.limits, q.Get("limit")), append(a.versions, q.Get("resourceVersion"))
			if a.limit > 0 {
				r = r.Clone(r.Context())
				q.Set("limit", strconv.Itoa(a.limit))
				r.URL.RawQuery = q.Encode()
			}
		}
		a.mu.Unlock()
	}
	return a.next.RoundTrip(r)
}

func order(namespace, name string) *v1alpha1.Order {
	return &v1alpha1.Order{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.OrderSpec{
			CustomerID: "cust-001", Currency: "EUR",
			Items:           []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 2, UnitPrice: "12.50"}},
			ShippingAddress: v1alpha1.Address{Street: "1 Harbour Road", City: "Hamburg", Country: "DE", Zip: "20457"},
		},
	}
}

// names of the orders a cache has.
func names(t *testing.T, c client.Reader) []string {
	t.Helper()
	var list v1alpha1.OrderList
	if err := c.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range list.Items {
		if o.Spec.Items[0].UnitPrice != "12.50" || o.UID == "" || len(o.ManagedFields) != 0 {
			t.Errorf("%s is cached as %+v", o.Name, o)
		}
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return names
}

func TestCacheFollowsTheAPIServer(t *testing.T) {
	g := gomega.NewWithT(t)
	g.SetDefaultEventuallyTimeout(30 * time.Second)
	g.SetDefaultEventuallyPollingInterval(5 * time.Millisecond)
	env := testenv.Start(t)
	ns, other := env.Namespace(t), env.Namespace(t)
	for _, o := range []*v1alpha1.Order{order(ns, "a"), order(ns, "b"), order(ns, "c"), order(other, "elsewhere")} {
		if err := env.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	for name, namespaces := range map[string][]string{"one namespace": {ns}, "all": nil, "several": {ns, "default"}} {
		t.Run(name, func(t *testing.T) {
			seen := &asked{limit: 2}
			cfg := rest.CopyConfig(env.Config)
			cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
				seen.next = next
				return seen
			})
			source, err := cachedclient.NewSource(cfg, env.Scheme, prometheus.NewRegistry(), namespaces...)
			if err != nil {
				t.Fatal(err)
			}
			c, err := source.NewCache(cfg, cache.Options{Scheme: env.Scheme})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Start(ctx) }()
			defer func() {
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			g.Expect(c.WaitForCacheSync(ctx)).To(gomega.BeTrue())
			all := []string{"a", "b", "c"}
			if namespaces == nil {
				all = append(all, "elsewhere")
			}
			g.Eventually(func() []string { return names(t, c) }).Should(gomega.Equal(all))
			seen.mu.Lock()
			if len(seen.limits) < 2 || seen.watches == 0 {
				t.Errorf("%d lists and %d watches", len(seen.limits), seen.watches)
			}
			for i, limit := range seen.limits {
				if limit != strconv.Itoa(cachedclient.Page) || seen.versions[i] != "" {
					t.Errorf("asked for %s orders of version %q", limit, seen.versions[i])
				}
			}
			seen.mu.Unlock()

			if err := env.Client.Create(t.Context(), order(ns, "new")); err != nil {
				t.Fatal(err)
			}
			g.Eventually(func() []string { return names(t, c) }).Should(gomega.Equal(append(slices.Clone(all), "new")))
			var changed v1alpha1.Order
			if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "new"}, &changed); err != nil {
				t.Fatal(err)
			}
			changed.Status.Phase = v1alpha1.OrderPending
			if err := env.Client.Status().Update(t.Context(), &changed); err != nil {
				t.Fatal(err)
			}
			g.Eventually(func() (v1alpha1.OrderPhase, error) {
				var cached v1alpha1.Order
				err := c.Get(t.Context(), client.ObjectKeyFromObject(&changed), &cached)
				return cached.Status.Phase, err
			}).Should(gomega.Equal(v1alpha1.OrderPending))
			if err := env.Client.Delete(t.Context(), &changed); err != nil {
				t.Fatal(err)
			}
			g.Eventually(func() []string { return names(t, c) }).Should(gomega.Equal(all))
		})
	}
}
