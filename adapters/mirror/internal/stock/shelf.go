package stock

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// mostGone bounds how many objects that are gone are kept for their rows. Rows of others are
// found by the sweep.
const mostGone = 10_000

// shelf has what was seen last of the objects of one kind, by name. They belong to the cache
// and are never changed.
type shelf[O client.Object] struct {
	objects map[string]O
	// dirty are those whose rows may not show them.
	dirty map[string]struct{}
	// gone are the last versions of objects that are gone, oldest first.
	gone []O
	// held are those that are being deleted and wait for the mirror; lacking those that lack
	// its finalizer.
	held, lacking map[string]struct{}
}

func newShelf[O client.Object]() *shelf[O] {
	return &shelf[O]{objects: map[string]O{}, dirty: map[string]struct{}{}, held: map[string]struct{}{}, lacking: map[string]struct{}{}}
}

// see takes a version of an object. One that can't be decoded whole has nothing to say.
func (s *shelf[O]) see(o O) {
	name := o.GetName()
	if cachedclient.IsSetAside(o) {
		s.forget(name)
		return
	}
	s.objects[name], s.dirty[name] = o, struct{}{}
	put(s.held, name, stock.IsHeld(o))
	put(s.lacking, name, o.GetDeletionTimestamp() == nil && !slices.Contains(o.GetFinalizers(), v1alpha1.MirrorFinalizer))
}

// lose takes the last version of an object that is gone. It reports false when there is no
// room to remember it.
func (s *shelf[O]) lose(o O) bool {
	if there, ok := s.objects[o.GetName()]; ok && there.GetUID() == o.GetUID() {
		s.forget(o.GetName())
	}
	if cachedclient.IsSetAside(o) || len(s.gone) >= mostGone {
		return false
	}
	s.gone = append(s.gone, o)
	return true
}

func (s *shelf[O]) forget(name string) {
	delete(s.objects, name)
	delete(s.dirty, name)
	delete(s.held, name)
	delete(s.lacking, name)
}

// soil marks all rows as possibly out of date.
func (s *shelf[O]) soil() {
	for name := range s.objects {
		s.dirty[name] = struct{}{}
	}
}

// work is what is to be written of one kind.
type work[O client.Object] struct {
	dirty, gone []O
}

func (s *shelf[O]) take(most int) (w work[O]) {
	w.gone = slices.Clone(s.gone[:min(len(s.gone), most)])
	for name := range s.dirty {
		if len(w.dirty)+len(w.gone) >= most {
			break
		}
		w.dirty = append(w.dirty, s.objects[name])
	}
	return w
}

// done notes that work was committed. What was seen meanwhile stays dirty.
func (s *shelf[O]) done(w work[O]) {
	s.gone = slices.Clone(s.gone[len(w.gone):])
	for _, o := range w.dirty {
		if now, ok := s.objects[o.GetName()]; ok && now.GetUID() == o.GetUID() && now.GetResourceVersion() == o.GetResourceVersion() {
			delete(s.dirty, o.GetName())
		}
	}
}

// committed are the held objects whose newest version that was seen is committed.
func (s *shelf[O]) committed() (held []O) {
	for name := range s.held {
		if _, dirty := s.dirty[name]; !dirty {
			held = append(held, s.objects[name])
		}
	}
	return held
}

// without are some of the objects that lack the finalizer.
func (s *shelf[O]) without(most int) (lacking []O) {
	for name := range s.lacking {
		if len(lacking) >= most {
			break
		}
		lacking = append(lacking, s.objects[name])
	}
	return lacking
}

func put(set map[string]struct{}, name string, in bool) {
	if in {
		set[name] = struct{}{}
	} else {
		delete(set, name)
	}
}
