package decide

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Event is the last that was seen of an object somebody wants decided, or of
// one that is gone.
type Event struct {
	Object client.Object
	Gone   bool
	// Watched is true when an informer brought it, which may lag.
	Watched bool
}

// Queue is a coalescing queue of what a namespace waits for, in order of arrival. An
// object that changes again before its turn keeps its place and is seen as it is now.
// Safe for concurrent use.
type Queue struct {
	mu     sync.Mutex
	order  []types.UID
	latest map[types.UID]Event
	// arrived has something in it after something was put.
	arrived chan struct{}
}

// NewQueue makes an empty queue.
func NewQueue() *Queue {
	return &Queue{latest: map[types.UID]Event{}, arrived: make(chan struct{}, 1)}
}

// Put adds an event, or replaces the one of the same object that waits.
func (q *Queue) Put(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(e)
	q.latest[e.Object.GetUID()] = e
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

// Arrived has something in it after something was put.
func (q *Queue) Arrived() <-chan struct{} { return q.arrived }

// Len is how many objects wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.order)
}

// Clear drops everything that waits.
func (q *Queue) Clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.order = nil
	clear(q.latest)
}

// putAgain has an object decided once more, unless something newer waits.
func (q *Queue) putAgain(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(e)
}

func (q *Queue) add(e Event) {
	uid := e.Object.GetUID()
	if _, waiting := q.latest[uid]; !waiting {
		q.order = append(q.order, uid)
		q.latest[uid] = e
	}
}

// take removes and returns the first event; ok is false when there is none.
func (q *Queue) take() (e Event, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return Event{}, false
	}
	uid := q.order[0]
	q.order = q.order[1:]
	e = q.latest[uid]
	delete(q.latest, uid)
	return e, true
}

// putFirst places events before everything that waits, in their order. What
// waits already stays as it is, with the earlier place, if it is newer.
func (q *Queue) putFirst(events []Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	order := make([]types.UID, 0, len(events)+len(q.order))
	moved := make(map[types.UID]struct{}, len(events))
	for _, e := range events {
		uid := e.Object.GetUID()
		if have, waits := q.latest[uid]; !waits || !have.Gone && !newer(have.Object, e.Object) {
			q.latest[uid] = e
		}
		order = append(order, uid)
		moved[uid] = struct{}{}
	}
	for _, uid := range q.order {
		if _, is := moved[uid]; !is {
			order = append(order, uid)
		}
	}
	q.order = order
}

// newer reports whether a is a later state of an object than b.
func newer(a, b client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order > 0
}
