package stock

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// snapshot is a consistent list of one kind. Its objects may share memory with
// the cache and are not to be changed.
type snapshot[T any] struct {
	items           []T
	resourceVersion string
}

const (
	// liveReads is how many objects the cache does not have are read at a time.
	liveReads = 16
	// listTries is how often a list is begun again when objects go while it is made.
	listTries = 5
)

// errWentMeanwhile says that an object on a list was gone before it could be read.
var errWentMeanwhile = errors.New("objects were deleted while they were listed")

func (s *store) items(ctx context.Context, namespace string) (snapshot[v1alpha1.StockItem], error) {
	return list[v1alpha1.StockItem](ctx, s, namespace, "StockItem")
}

func (s *store) reservations(ctx context.Context, namespace string) (snapshot[v1alpha1.StockReservation], error) {
	return list[v1alpha1.StockReservation](ctx, s, namespace, "StockReservation")
}

func (s *store) documents(ctx context.Context, namespace string) (snapshot[v1alpha1.StockAdjustment], error) {
	return list[v1alpha1.StockAdjustment](ctx, s, namespace, "StockAdjustment")
}

// object is what a pointer to a T is.
type object[T any] interface {
	*T
	client.Object
}

// list reads all objects of a kind, consistently. Only their metadata is listed:
// an object of which the cache has the very resourceVersion is taken from there,
// the others are read live, which makes them that new or newer. Listing whole
// objects again that the cache has just read would double what a start costs.
func list[T any, P object[T]](ctx context.Context, s *store, namespace, kind string) (out snapshot[T], err error) {
	for range listTries {
		if out, err = listOnce[T, P](ctx, s, namespace, kind); !errors.Is(err, errWentMeanwhile) {
			break
		}
	}
	if err != nil {
		return out, fmt.Errorf("list %s: %w", kind, err)
	}
	return out, nil
}

func listOnce[T any, P object[T]](ctx context.Context, s *store, namespace, kind string) (snapshot[T], error) {
	var out snapshot[T]
	opts := &client.ListOptions{Namespace: namespace, Limit: cachedclient.Page}
	for {
		page := &metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := s.live.List(ctx, page, opts); err != nil {
			return out, err
		}
		items, err := readPage[T, P](ctx, s, page.Items)
		if err != nil {
			return out, err
		}
		out.items = append(out.items, items...)
		out.resourceVersion = page.ResourceVersion
		if opts.Continue = page.Continue; opts.Continue == "" {
			return out, nil
		}
	}
}

func readPage[T any, P object[T]](ctx context.Context, s *store, listed []metav1.PartialObjectMetadata) ([]T, error) {
	items := make([]T, len(listed))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(liveReads)
	for i := range listed {
		o, want := P(&items[i]), &listed[i]
		key := client.ObjectKeyFromObject(want)
		err := s.cached.Get(ctx, key, o, client.UnsafeDisableDeepCopy)
		if err == nil && o.GetUID() == want.UID && o.GetResourceVersion() == want.ResourceVersion {
			continue
		}
		g.Go(func() error {
			items[i] = *new(T) // what the cache gave may share its memory
			err := s.live.Get(ctx, key, o)
			if apierrors.IsNotFound(err) || err == nil && o.GetUID() != want.UID {
				return errWentMeanwhile
			}
			return err
		})
	}
	return items, g.Wait()
}
