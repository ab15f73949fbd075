package stock

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// event is the last that was seen of an object somebody wants decided, or of
// one that is gone.
type event struct {
	object client.Object
	gone   bool
	// watched is true when an informer brought it, which may lag.
	watched bool
}

// inbox is what a namespace waits for, in order of arrival. An object that
// changes again before its turn keeps its place and is seen as it is now.
type inbox struct {
	mu     sync.Mutex
	order  []types.UID
	latest map[types.UID]event
	// arrived has something in it after something was put.
	arrived chan struct{}
}

func newInbox() *inbox {
	return &inbox{latest: map[types.UID]event{}, arrived: make(chan struct{}, 1)}
}

func (b *inbox) put(e event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	uid := e.object.GetUID()
	if _, waiting := b.latest[uid]; !waiting {
		b.order = append(b.order, uid)
	}
	b.latest[uid] = e
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// putAgain has an object looked at once more, unless something newer waits.
func (b *inbox) putAgain(e event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	uid := e.object.GetUID()
	if _, waiting := b.latest[uid]; !waiting {
		b.order = append(b.order, uid)
		b.latest[uid] = e
	}
}

// take removes and returns the first event; ok is false when there is none.
func (b *inbox) take() (e event, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.order) == 0 {
		return event{}, false
	}
	uid := b.order[0]
	b.order = b.order[1:]
	e = b.latest[uid]
	delete(b.latest, uid)
	return e, true
}

// putFirst places events before everything that waits, in their order. What
// waits already stays as it is, with the earlier place, if it is newer.
func (b *inbox) putFirst(events []event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	order := make([]types.UID, 0, len(events)+len(b.order))
	moved := make(map[types.UID]struct{}, len(events))
	for _, e := range events {
		uid := e.object.GetUID()
		if have, waits := b.latest[uid]; !waits || !have.gone && !newer(have.object, e.object) {
			b.latest[uid] = e
		}
		order = append(order, uid)
		moved[uid] = struct{}{}
	}
	for _, uid := range b.order {
		if _, is := moved[uid]; !is {
			order = append(order, uid)
		}
	}
	b.order = order
}

func (b *inbox) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.order)
}

func (b *inbox) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.order = nil
	clear(b.latest)
}

// newer reports whether a is a later state of an object than b.
func newer(a, b client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order > 0
}
