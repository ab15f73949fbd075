package stock

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// page is how many objects are listed at a time.
const page = 500

// cluster asks the API server itself.
type cluster struct {
	namespace string
	client    client.Client
	live      client.Reader // sets objects aside that can't be decoded
}

func newCluster(namespace string, c client.Client) *cluster {
	return &cluster{namespace: namespace, client: c, live: cachedclient.Live(c)}
}

// journal reads the journal; nil when there is none.
func (c *cluster) journal(ctx context.Context) (*v1alpha1.StockJournal, error) {
	j := &v1alpha1.StockJournal{}
	there, err := c.get(ctx, v1alpha1.StockJournalName, j)
	if !there {
		j = nil
	}
	return j, err
}

// get reads an object by name. there is false when there is none.
func (c *cluster) get(ctx context.Context, name string, o client.Object) (there bool, err error) {
	switch err := c.live.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, o); {
	case err == nil:
		return true, nil
	case apierrors.IsNotFound(err):
		return false, nil
	default:
		return false, fmt.Errorf("get %T %s/%s: %w", o, c.namespace, name, err)
	}
}

// isTerminating reports whether the namespace is being deleted. Nobody decides there any more.
func (c *cluster) isTerminating(ctx context.Context) (bool, error) {
	n := &corev1.Namespace{}
	if err := c.client.Get(ctx, client.ObjectKey{Name: c.namespace}, n); err != nil {
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, fmt.Errorf("get namespace %s: %w", c.namespace, err)
	}
	return n.DeletionTimestamp != nil, nil
}

// names lists what there is of a kind, consistently, and hands on the metadata of each.
func (c *cluster) names(ctx context.Context, kind string, each func(*metav1.PartialObjectMetadata) error) error {
	list := &metav1.PartialObjectMetadataList{}
	for {
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		opts := []client.ListOption{client.InNamespace(c.namespace), client.Limit(page), client.Continue(list.Continue)}
		list.Items = nil
		if err := c.client.List(ctx, list, opts...); err != nil {
			return fmt.Errorf("list %s in %s: %w", kind, c.namespace, err)
		}
		for i := range list.Items {
			if err := each(&list.Items[i]); err != nil {
				return err
			}
		}
		if list.Continue == "" {
			return nil
		}
	}
}

// current is a listed object: as the view has it, if that is the very version, else as it is
// now. ok is false when it is gone by now, or can't be decoded.
func current[T any, P interface {
	*T
	client.Object
}](ctx context.Context, c *cluster, m *metav1.PartialObjectMetadata, v *view, s *shelf[P]) (o P, ok bool, err error) {
	if seen, ok := find(v, s, m.Name, string(m.UID)); ok && seen.GetResourceVersion() == m.ResourceVersion {
		return seen, true, nil
	}
	o = P(new(T))
	there, err := c.get(ctx, m.Name, o)
	if cachedclient.WasSetAside(err) {
		return nil, false, nil
	}
	return o, there && o.GetUID() == m.UID, err
}

// ignoreSetAside leaves out that an object can't be decoded whole: what could be decoded of it
// is there.
func ignoreSetAside(err error) error {
	if cachedclient.WasSetAside(err) {
		return nil
	}
	return err
}
