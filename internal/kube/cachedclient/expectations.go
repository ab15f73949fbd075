package cachedclient

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// Expectations are the writes of this process that its cache may not show yet. Safe for
// concurrent use.
type Expectations struct {
	clock    clock.PassiveClock
	patience time.Duration

	mu sync.Mutex
	// replaced are resourceVersions by object: those noted since, and those of the period before.
	replaced [2]map[types.UID]string
	since    time.Time
}

// NewExpectations makes expectations that each end after patience at the earliest, and after twice
// that at the latest.
func NewExpectations(c clock.PassiveClock, patience time.Duration) *Expectations {
	return &Expectations{clock: c, patience: patience}
}

// Expect notes that a write has replaced an object, as it is here.
func (e *Expectations) Expect(replaced metav1.Object) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire()
	e.replaced[0][replaced.GetUID()] = replaced.GetResourceVersion()
}

// Pending reports whether the cache, which shows an object as it is here, is still to show a write.
func (e *Expectations) Pending(cached metav1.Object) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire()
	for _, replaced := range e.replaced {
		if version, noted := replaced[cached.GetUID()]; noted && version == cached.GetResourceVersion() {
			return true
		}
	}
	return false
}

// expire forgets in periods, so that no expectation needs a timer.
func (e *Expectations) expire() {
	now := e.clock.Now()
	age := now.Sub(e.since)
	if age < e.patience {
		return
	}
	e.replaced[1] = e.replaced[0]
	if age >= 2*e.patience {
		e.replaced[1] = nil
	}
	e.replaced[0], e.since = map[types.UID]string{}, now
}
