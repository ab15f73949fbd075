package cachedclient

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// SetFinalizers gives the stored object the finalizers of o, and o the resourceVersion of that. It
// takes the annotations of the names removed off it in the same write. It is refused as a conflict unless the stored object has o's uid and resourceVersion. Nothing
// else of o is sent: what the schema would say of it today, or of how Go writes it, can't keep an
// object from being deleted.
func SetFinalizers(ctx context.Context, c client.Client, o client.Object, removed ...string) error {
	gvk, err := apiutil.GVKForObject(o, c.Scheme())
	if err != nil {
		return fmt.Errorf("set finalizers: %w", err)
	}
	finalizers := o.GetFinalizers()
	if finalizers == nil {
		finalizers = []string{}
	}
	metadata := map[string]any{"uid": o.GetUID(), "resourceVersion": o.GetResourceVersion(), "finalizers": finalizers}
	if len(removed) > 0 {
		annotations := make(map[string]any, len(removed))
		for _, name := range removed {
			annotations[name] = nil
		}
		metadata["annotations"] = annotations
	}
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("set finalizers: %w", err)
	}
	stored := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName()}}
	stored.SetGroupVersionKind(gvk)
	if err := c.Patch(ctx, stored, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return err
	}
	o.SetResourceVersion(stored.ResourceVersion)
	return nil
}
