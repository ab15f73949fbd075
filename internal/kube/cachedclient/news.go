package cachedclient

import (
	"sync"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// news tells in the log of the objects of a kind that are set aside: once each, and once
// more when the reason is another one. Safe for concurrent use.
type news struct {
	log  logr.Logger
	kind string

	mu   sync.Mutex
	told map[types.UID]string // what was said of an object
}

func newNews(log logr.Logger, kind string) *news {
	return &news{log: log, kind: kind, told: map[types.UID]string{}}
}

// seen is to be told of every object that was decoded.
func (n *news) seen(o metav1.Object) {
	fields := UnreadableFields(o)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(fields) == 0 && len(n.told) == 0 {
		return
	}
	was, uid := n.told[o.GetUID()], o.GetUID()
	log := n.log.WithValues("kind", n.kind, "namespace", o.GetNamespace(), "name", o.GetName())
	if len(fields) == 0 {
		if was != "" {
			delete(n.told, uid)
			log.Info("an object that was set aside can be decoded again")
		}
		return
	}
	if now := describe(fields); now != was {
		n.told[uid] = now
		log.Info("an object can't be decoded and is set aside; everything else goes on. Put the field right with kubectl edit, or delete the object",
			"field", fields[0].Field, "problem", fields[0].Problem, "fields", len(fields))
	}
}

// gone is to be told of every object that was deleted.
func (n *news) gone(o metav1.Object) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.told, o.GetUID())
}
