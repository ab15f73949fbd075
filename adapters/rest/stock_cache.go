package rest

import (
	"context"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// newLevels returns the stock levels that Redis keeps; nil when there is no Redis.
func newLevels(deps Deps, r *help, c *cluster) *shared.Levels {
	if r == nil {
		return nil
	}
	return shared.NewLevels(deps.Redis, r.call, deps.Now, func(product string) any {
		item := &v1alpha1.StockItem{}
		if !c.ready.Load() || c.cache.Get(context.Background(), c.key(product), item) != nil {
			return nil
		}
		return stockLevel(item)
	})
}

// stockOf shows the stock level of a product. A gateway that has read the cluster answers from its
// cache; one that has not asks Redis before it asks the API server.
func (h *handlers) stockOf(ctx context.Context, product string) (wire.StockLevel, error) {
	var level wire.StockLevel
	if !h.cluster.ready.Load() && h.levels.Find(ctx, product, &level) {
		return level, nil
	}
	item, err := h.item(ctx, product)
	if err != nil {
		return level, err
	}
	h.levels.Keep(item.Name)
	return stockLevel(item), nil
}

// dropsLevels drops the level of each item that changes or goes. What is there at the start did
// not change.
func dropsLevels(levels *shared.Levels) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, object any) { dropLevel(levels, object) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			dropLevel(levels, object)
		},
	}
}

func dropLevel(levels *shared.Levels, object any) {
	if item, ok := object.(client.Object); ok {
		levels.Drop(item.GetName())
	}
}
