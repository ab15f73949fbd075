package order

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// forgetAfter is how long the cache is waited for. It is there for a write that changed
// nothing, which no event follows.
const forgetAfter = 10 * behind

// written are the orders whose status was just written, with the version that it
// replaced: while the cache still has that one, it is too old to judge by. The write
// that came of it would only be refused. The zero value is ready for use.
type written struct {
	mu       sync.Mutex
	replaced map[types.UID]replaced
}

type replaced struct {
	resourceVersion string
	at              time.Time
}

// note remembers that an order, as it is here, was replaced.
func (w *written) note(o *v1alpha1.Order, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.replaced == nil {
		w.replaced = map[types.UID]replaced{}
	}
	w.replaced[o.UID] = replaced{o.ResourceVersion, now}
}

// isAhead reports whether an order, as it is here, was replaced.
func (w *written) isAhead(o *v1alpha1.Order, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, noted := w.replaced[o.UID]
	if noted && (r.resourceVersion != o.ResourceVersion || now.Sub(r.at) >= forgetAfter) {
		delete(w.replaced, o.UID)
		noted = false
	}
	return noted
}
