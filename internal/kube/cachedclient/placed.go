package cachedclient

import (
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
)

// placedInformer is an informer that learns which namespace it is for. A cache of several
// namespaces makes one informer for each, and tells none of them which is its own. But it gives
// each the transform that was set for the namespace, and that is where the name is from.
type placedInformer struct {
	cache.SharedIndexInformer
	namespace string // empty for all, and for kinds that have none
}

// whichNamespace is given to a transform of ours to be filled in.
type whichNamespace struct {
	namespace string
	answered  bool
}

// SetTransform implements cache.SharedIndexInformer. The cache calls it before it starts the informer.
func (i *placedInformer) SetTransform(f cache.TransformFunc) error {
	asked := &whichNamespace{}
	if f != nil {
		if _, err := f(asked); err != nil {
			return err
		}
	}
	if !asked.answered {
		return errors.New("the transform of a cache is not its Source's; the informer can't tell its namespace")
	}
	i.namespace = asked.namespace
	return i.SharedIndexInformer.SetTransform(f)
}

// transformIn is the transform of the objects in a namespace: their managed fields are dropped,
// unless it is by them that they are set aside.
func transformIn(namespace string) cache.TransformFunc {
	strip := ctrlcache.TransformStripManagedFields()
	return func(in any) (any, error) {
		switch o := in.(type) {
		case *whichNamespace:
			o.namespace, o.answered = namespace, true
			return o, nil
		case metav1.Object:
			if IsSetAside(o) {
				return o, nil
			}
		}
		return strip(in)
	}
}
