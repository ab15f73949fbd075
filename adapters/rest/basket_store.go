package rest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	kube "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/internal/events"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Indexes of the cached baskets.
const (
	basketIndex         = "basket"
	basketCustomerIndex = "customer"
)

// basketStore keeps the reservations that are of baskets, and no others: those of
// orders are many, and the gateway has no use for them. It keeps them as they came,
// so that one that can't be decoded is passed over alone.
type basketStore struct {
	cache cache.Cache
	ready atomic.Bool
	// changes tells those who wait what happens to a reservation.
	changes *events.Hub
}

func reservationKind() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("StockReservation"))
	return u
}

func newBasketStore(access *kube.Config, namespace string, o cache.Options) (*basketStore, error) {
	isOfBasket, err := labels.NewRequirement(basketLabel, selection.Exists, nil)
	if err != nil {
		return nil, fmt.Errorf("select baskets: %w", err)
	}
	o.DefaultNamespaces = map[string]cache.Config{namespace: {}}
	o.DefaultTransform = cache.TransformStripManagedFields()
	o.ByObject = map[client.Object]cache.ByObject{reservationKind(): {Label: labels.NewSelector().Add(*isOfBasket)}}
	reads, err := cache.New(access, o)
	if err != nil {
		return nil, fmt.Errorf("make the cache of baskets: %w", err)
	}
	return &basketStore{cache: reads, changes: events.NewHub()}, nil
}

// informer returns the informer of baskets, which tells s.changes what it sees. It has
// seen nothing yet.
func (s *basketStore) informer(ctx context.Context) (cache.Informer, error) {
	for field, path := range map[string][]string{
		basketIndex: {"metadata", "labels", basketLabel}, basketCustomerIndex: {"spec", "customerID"},
	} {
		value := func(o client.Object) []string {
			v, _, _ := unstructured.NestedString(o.(*unstructured.Unstructured).Object, path...)
			return []string{v}
		}
		if err := s.cache.IndexField(ctx, reservationKind(), field, value); err != nil {
			return nil, fmt.Errorf("index baskets by %s: %w", field, err)
		}
	}
	informer, err := s.cache.GetInformer(ctx, reservationKind(), cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch baskets: %w", err)
	}
	if _, err := informer.AddEventHandler(s.changes.Handler()); err != nil {
		return nil, fmt.Errorf("watch baskets: %w", err)
	}
	return informer, nil
}

// start reads baskets until ctx ends.
func (s *basketStore) start(ctx context.Context) error {
	if err := s.cache.Start(ctx); err != nil {
		return fmt.Errorf("read baskets: %w", err)
	}
	return nil
}

// list returns the baskets that match, newest first.
func (s *basketStore) list(ctx context.Context, options ...client.ListOption) ([]*basket, error) {
	if !s.ready.Load() {
		return nil, unavailable(time.Second, errors.New("the cache of baskets is not filled yet"))
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("StockReservationList"))
	if err := s.cache.List(ctx, list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, fmt.Errorf("list baskets: %w", err)
	}
	var reservations []*v1alpha1.StockReservation
	for i := range list.Items {
		r := &v1alpha1.StockReservation{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, r) == nil {
			reservations = append(reservations, r)
		}
	}
	return basketsOf(reservations), nil
}

// basketsOf returns a customer's baskets, everybody's when customer is empty.
func (c *cluster) basketsOf(ctx context.Context, customer string) ([]*basket, error) {
	if customer == "" {
		return c.baskets.list(ctx)
	}
	return c.baskets.list(ctx, client.MatchingFields{basketCustomerIndex: customer})
}

// basket returns a basket from the cache; nil when it has none. A new one may be
// there all the same, made a moment ago by another gateway: its first reservation is.
func (c *cluster) basket(ctx context.Context, id string) (*basket, error) {
	found, err := c.baskets.list(ctx, client.MatchingFields{basketIndex: id})
	if err != nil || len(found) > 0 {
		return first(found), err
	}
	if !isBasketID(id) {
		return nil, nil
	}
	r := &v1alpha1.StockReservation{}
	err = c.reading.call(ctx, func(ctx context.Context) error { return cachedclient.Live(c.live).Get(ctx, c.key(id+"-1"), r) })
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return first(basketsOf([]*v1alpha1.StockReservation{r})), nil
}

func first(baskets []*basket) *basket {
	if len(baskets) == 0 {
		return nil
	}
	return baskets[0]
}

// isBasketID says whether an id looks like one that the gateway gives.
func isBasketID(id string) bool {
	digest, ok := strings.CutPrefix(id, "basket-")
	return ok && len(digest) == 26 && strings.Trim(digest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// awaitBasket waits until the cached basket is as wanted, which a change of the
// reservation name makes it. When ctx ends first, it returns nil.
func (c *cluster) awaitBasket(ctx context.Context, id, name string, wanted func(*basket) bool) *basket {
	watch := c.baskets.changes.Watch(name)
	defer watch.Close()
	for c.baskets.ready.Load() {
		found, err := c.baskets.list(ctx, client.MatchingFields{basketIndex: id})
		if b := first(found); err == nil && b != nil && wanted(b) {
			return b
		}
		select {
		case <-watch.Changed():
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// patchReservation merges a change into the spec of a reservation.
func (c *cluster) patchReservation(ctx context.Context, r *v1alpha1.StockReservation, spec map[string]any) (*v1alpha1.StockReservation, error) {
	patch, err := mergePatch(r, false, nil, spec)
	if err != nil {
		return nil, err
	}
	patched := &v1alpha1.StockReservation{}
	patched.Namespace, patched.Name = c.namespace, r.Name
	err = c.writing.call(ctx, func(ctx context.Context) error { return c.live.Patch(ctx, patched, patch) })
	return patched, err
}

// deleteReservations deletes reservations of baskets. What can't be deleted now is
// found again by the customer's next basket.
func (c *cluster) deleteReservations(ctx context.Context, reservations []*v1alpha1.StockReservation) {
	for _, r := range reservations {
		gone := r.DeepCopy()
		_ = c.writing.call(ctx, func(ctx context.Context) error {
			return c.live.Delete(ctx, gone, client.Preconditions{UID: &gone.UID})
		})
	}
}
