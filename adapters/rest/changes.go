package rest

import (
	"sync"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// changes tells those who wait for an object that the informer saw it change.
type changes struct {
	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

func newChanges() *changes {
	return &changes{waiting: map[string]map[chan struct{}]struct{}{}}
}

// watch returns a channel that gets a value after the object changed, one for any
// number of changes not yet looked at. stop ends it.
func (c *changes) watch(name string) (changed <-chan struct{}, stop func()) {
	signal := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[name] == nil {
		c.waiting[name] = map[chan struct{}]struct{}{}
	}
	c.waiting[name][signal] = struct{}{}
	return signal, func() { c.forget(name, signal) }
}

func (c *changes) forget(name string, signal chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting[name], signal)
	if len(c.waiting[name]) == 0 {
		delete(c.waiting, name)
	}
}

func (c *changes) notify(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for signal := range c.waiting[name] {
		select {
		case signal <- struct{}{}:
		default: // it has one to look at already
		}
	}
}

// handler feeds changes from an informer.
func (c *changes) handler() toolscache.ResourceEventHandler {
	notify := func(object any) {
		if o, ok := object.(client.Object); ok {
			c.notify(o.GetName())
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    notify,
		UpdateFunc: func(_, object any) { notify(object) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			notify(object)
		},
	}
}
