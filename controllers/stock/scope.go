package stock

import "github.com/orderplane/orderplane/controllers/stock/internal/store"

// scope is what every part of a namespace's loop works with.
type scope struct {
	*Options

	namespace string
	store     *store.Store
	metrics   *stockMetrics
}
