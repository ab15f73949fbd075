package orders

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/client-go/tools/cache"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// watcher hands on what an informer of orders says. It knows the names of all orders that are
// there. Safe for concurrent use.
type watcher struct {
	dirty *dirty

	mu    sync.Mutex
	names map[string]struct{}
}

func newWatcher(d *dirty) *watcher { return &watcher{dirty: d, names: map[string]struct{}{}} }

// OnAdd implements cache.ResourceEventHandler.
func (w *watcher) OnAdd(obj any, isInInitialList bool) {
	o, ok := obj.(*v1alpha1.Order)
	if !ok {
		return
	}
	w.mu.Lock()
	w.names[o.Name] = struct{}{}
	w.mu.Unlock()
	why := changed
	if isInInitialList {
		why = compared
	}
	w.dirty.add(o.Name, why)
}

// OnUpdate implements cache.ResourceEventHandler. An object that was replaced by another of its
// name was not seen to be deleted.
func (w *watcher) OnUpdate(was, is any) {
	before, ok1 := was.(*v1alpha1.Order)
	o, ok2 := is.(*v1alpha1.Order)
	if !ok1 || !ok2 {
		return
	}
	if before.UID != o.UID {
		w.dirty.addEnd(before)
	}
	w.dirty.add(o.Name, changed)
}

// OnDelete implements cache.ResourceEventHandler. When the deletion itself was not seen, what the
// cache had last is all that is known.
func (w *watcher) OnDelete(obj any) {
	if unseen, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unseen.Obj
	}
	o, ok := obj.(*v1alpha1.Order)
	if !ok {
		return
	}
	w.mu.Lock()
	delete(w.names, o.Name)
	w.mu.Unlock()
	w.dirty.addEnd(o)
}

// all are the names of the orders that are there.
func (w *watcher) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.names))
}

// lookAtAll has every order compared with its row.
func (w *watcher) lookAtAll(why reason) {
	for _, name := range w.all() {
		w.dirty.add(name, why)
	}
}
