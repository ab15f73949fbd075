package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Snapshot is a consistent list of one kind. Its objects may share memory with
// the cache and are not to be changed.
type Snapshot[T any] struct {
	Items           []T
	ResourceVersion string
}

// Lists are what a namespace has of stock. Each is consistent in itself.
type Lists struct {
	Items        Snapshot[v1alpha1.StockItem]
	Reservations Snapshot[v1alpha1.StockReservation]
	Documents    Snapshot[v1alpha1.StockAdjustment]
}

const (
	// liveReads is how many objects the cache does not have are read at a time.
	liveReads = 16
	// listTries is how often a list is begun again when objects go while it is made.
	listTries = 5
	// firstLook is how many objects are listed at a time to find one that is not being deleted.
	firstLook = 100
)

// errWentMeanwhile says that an object on a list was gone before it could be read.
var errWentMeanwhile = errors.New("objects were deleted while they were listed")

// Lists reads all that a namespace has of stock.
func (s *Store) Lists(ctx context.Context, namespace string) (l Lists, err error) {
	if l, err = s.Held(ctx, namespace); err == nil {
		l.Documents, err = list[v1alpha1.StockAdjustment](ctx, s, namespace, "StockAdjustment")
	}
	return l, err
}

// Held reads the items of a namespace, then the reservations; no documents. What can't be told
// of a reservation that is set aside is filled in, so that it holds no less than it does.
func (s *Store) Held(ctx context.Context, namespace string) (l Lists, err error) {
	if l.Items, err = list[v1alpha1.StockItem](ctx, s, namespace, "StockItem"); err == nil {
		l.Reservations, err = list[v1alpha1.StockReservation](ctx, s, namespace, "StockReservation")
	}
	if err != nil {
		return l, err
	}
	return l, holdAtLeast(l.Reservations.Items, l.Items.Items)
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
// Objects that are set aside are among them, marked.
func list[T any, P object[T]](ctx context.Context, s *Store, namespace, kind string) (out Snapshot[T], err error) {
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

func listOnce[T any, P object[T]](ctx context.Context, s *Store, namespace, kind string) (Snapshot[T], error) {
	var out Snapshot[T]
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
		out.Items = append(out.Items, items...)
		out.ResourceVersion = page.ResourceVersion
		if opts.Continue = page.Continue; opts.Continue == "" {
			return out, nil
		}
	}
}

func readPage[T any, P object[T]](ctx context.Context, s *Store, listed []metav1.PartialObjectMetadata) ([]T, error) {
	items := make([]T, len(listed))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(liveReads)
	for i := range listed {
		o, want := P(&items[i]), &listed[i]
		key := client.ObjectKeyFromObject(want)
		err := orSetAside(s.cached.Get(ctx, key, o, client.UnsafeDisableDeepCopy))
		if err == nil && o.GetUID() == want.UID && o.GetResourceVersion() == want.ResourceVersion {
			continue
		}
		g.Go(func() error {
			items[i] = *new(T) // what the cache gave may share its memory
			err := orSetAside(s.live.Get(ctx, key, o))
			if apierrors.IsNotFound(err) || err == nil && o.GetUID() != want.UID {
				return errWentMeanwhile
			}
			return err
		})
	}
	return items, g.Wait()
}

// hasWhatStays reports whether a namespace has anything of stock that is not being deleted,
// or that is kept until it is decided.
func (s *Store) hasWhatStays(ctx context.Context, namespace string) (bool, error) {
	for _, kind := range []string{"StockItem", "StockReservation", "StockAdjustment"} {
		opts := &client.ListOptions{Namespace: namespace, Limit: firstLook}
		for more := true; more; more = opts.Continue != "" {
			page := &metav1.PartialObjectMetadataList{}
			page.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
			if err := s.live.List(ctx, page, opts); err != nil {
				return false, fmt.Errorf("list %s: %w", kind, err)
			}
			if slices.ContainsFunc(page.Items, func(o metav1.PartialObjectMetadata) bool { return o.DeletionTimestamp == nil || isKept(kind, &o) }) {
				return true, nil
			}
			opts.Continue = page.Continue
		}
	}
	return false, nil
}

// isKept reports whether an object that is being deleted may wait for a decision: the mirror
// lets no reservation and no document go before (protocol rule 22 in docs/design/0015-mirror.md).
func isKept(kind string, o metav1.Object) bool {
	return kind != "StockItem" && slices.Contains(o.GetFinalizers(), v1alpha1.MirrorFinalizer)
}
