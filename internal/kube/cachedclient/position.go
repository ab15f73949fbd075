package cachedclient

import (
	"maps"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/watch"
)

// version is a state of an object.
type version struct {
	UID             types.UID
	ResourceVersion string
}

// position is how much of a resource an informer was told: everything up to a
// resourceVersion by list and watch, and of some objects a later one, which this
// process wrote itself. The watch goes on from the former, and of the latter it says
// nothing again. It rests on resourceVersions being in order, as Kubernetes has it of
// one resource.
type position struct {
	// at is empty while a watch tells what there is, which is in any order, and has not
	// said yet, by a bookmark, how far that is.
	at    string
	ahead map[types.UID]string
}

func newPosition(at string) *position { return &position{at: at, ahead: map[types.UID]string{}} }

func (p *position) clone() *position { return &position{at: p.at, ahead: maps.Clone(p.ahead)} }

// wantsOwn reports whether a state that was answered to a write is news. What the
// watch has passed is not, even when it brought no such state: it brought what came of
// it, such as that the object is gone.
func (p *position) wantsOwn(v version) bool {
	return newer(v.ResourceVersion, p.at) && p.wantsWatched(v)
}

// wantsWatched reports whether a state that the watch brings is news.
func (p *position) wantsWatched(v version) bool {
	told, ok := p.ahead[v.UID]
	return !ok || told != v.ResourceVersion && !newer(told, v.ResourceVersion)
}

// toldOwn notes that the informer has a state that was answered to a write.
func (p *position) toldOwn(v version) { p.ahead[v.UID] = v.ResourceVersion }

// passed notes that the informer has what the watch brought, or had it before.
func (p *position) passed(kind watch.EventType, v version) {
	if p.at != "" || kind == watch.Bookmark {
		p.at = v.ResourceVersion
	}
	if told, ok := p.ahead[v.UID]; ok && !newer(told, v.ResourceVersion) {
		delete(p.ahead, v.UID)
	}
}

// newer reports whether a is a later resourceVersion than b. Those that can't be
// compared are not.
func newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}
