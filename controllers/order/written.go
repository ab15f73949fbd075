package order

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// forgetAfter is how long the cache is waited for at least, and twice that at most. It
// is there for a write that changed nothing, which no event follows.
const forgetAfter = 10 * behind

// written are the orders whose status was just written, with the version that it
// replaced: who still reads that one reads what is too old to judge by. The write
// that came of it would only be refused. The zero value is ready for use.
type written struct {
	mu sync.Mutex
	// replaced are the versions by order: those noted since, and those of the time before.
	replaced [2]map[types.UID]string
	since    time.Time
}

// note remembers that an order, as it is here, was replaced.
func (w *written) note(o *v1alpha1.Order, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(now)
	w.replaced[0][o.UID] = o.ResourceVersion
}

// isAhead reports whether an order, as it is here, was replaced.
func (w *written) isAhead(o *v1alpha1.Order, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(now)
	for _, replaced := range w.replaced {
		if version, noted := replaced[o.UID]; noted && version == o.ResourceVersion {
			return true
		}
	}
	return false
}

func (w *written) forget(now time.Time) {
	age := now.Sub(w.since)
	if age < forgetAfter {
		return
	}
	w.replaced[1] = w.replaced[0]
	if age >= 2*forgetAfter {
		w.replaced[1] = nil
	}
	w.replaced[0], w.since = map[types.UID]string{}, now
}
