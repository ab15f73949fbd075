package events

import (
	"sync"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Hub tells those who wait for an object what the informer saw of it. Make one with NewHub.
type Hub struct {
	mu      sync.Mutex
	watches map[string]map[*Watch]struct{}
}

// NewHub returns a hub that nobody watches.
func NewHub() *Hub { return &Hub{watches: map[string]map[*Watch]struct{}{}} }

// Version is an object as the informer saw it last. Others read it as well: it is not to be
// changed.
type Version struct {
	Object client.Object
	// Gone says that it was deleted.
	Gone bool
}

// Watch is one who waits for an object.
type Watch struct {
	hub     *Hub
	name    string
	changed chan struct{}
	// newest is guarded by the hub's mutex.
	newest Version
}

// Watch begins to wait for the object of a name, which need not be there. It is over with Close.
func (h *Hub) Watch(name string) *Watch {
	w := &Watch{hub: h, name: name, changed: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watches[name] == nil {
		h.watches[name] = map[*Watch]struct{}{}
	}
	h.watches[name][w] = struct{}{}
	return w
}

// Changed gets a value after the object changed, one for any number of changes not yet looked at.
func (w *Watch) Changed() <-chan struct{} { return w.changed }

// Newest is what was seen last since the watch began; Object is nil when nothing was.
func (w *Watch) Newest() Version {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	return w.newest
}

// Close ends the watch.
func (w *Watch) Close() {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watches[w.name], w)
	if len(h.watches[w.name]) == 0 {
		delete(h.watches, w.name)
	}
}

// Watched is how many objects are waited for.
func (h *Hub) Watched() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watches)
}

func (h *Hub) tell(seen Version) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watches[seen.Object.GetName()] {
		w.newest = seen
		select {
		case w.changed <- struct{}{}:
		default: // it has one to look at already
		}
	}
}

// Handler feeds the hub from an informer of one namespace and kind.
func (h *Hub) Handler() toolscache.ResourceEventHandler {
	seen := func(object any, gone bool) {
		if o, ok := object.(client.Object); ok {
			h.tell(Version{Object: o, Gone: gone})
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { seen(object, false) },
		UpdateFunc: func(_, object any) { seen(object, false) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			seen(object, true)
		},
	}
}
