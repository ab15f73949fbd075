package cachedclient

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// asideIndex is the index, and its one value, of the objects of a store that are set aside.
const asideIndex = "set-aside"

// withAsideIndex adds the index to those of an informer.
func withAsideIndex(indexers cache.Indexers) cache.Indexers {
	all := maps.Clone(indexers)
	all[asideIndex] = func(o any) ([]string, error) {
		if object, ok := o.(metav1.Object); ok && IsSetAside(object) {
			return []string{asideIndex}, nil
		}
		return nil, nil
	}
	return all
}

// asideGauge counts the objects that the caches of a process hold and have set aside.
type asideGauge struct {
	desc *prometheus.Desc

	mu        sync.Mutex
	informers []countedInformer
}

type countedInformer struct {
	kind     string
	informer cache.SharedIndexInformer
}

// newAsideGauge registers the gauge. The sources of one process share it.
func newAsideGauge(registry prometheus.Registerer) (*asideGauge, error) {
	g := &asideGauge{desc: prometheus.NewDesc("orderplane_objects_set_aside",
		"Objects that are stored and can't be decoded. Each is set aside alone; the log names it.", []string{"kind"}, nil)}
	if err := metrics.Register(registry, &g); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return g, nil
}

func (g *asideGauge) add(kind string, informer cache.SharedIndexInformer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.informers = append(g.informers, countedInformer{kind, informer})
}

// Describe implements prometheus.Collector.
func (g *asideGauge) Describe(to chan<- *prometheus.Desc) { to <- g.desc }

// Collect implements prometheus.Collector.
func (g *asideGauge) Collect(to chan<- prometheus.Metric) {
	g.mu.Lock()
	g.informers = slices.DeleteFunc(g.informers, func(c countedInformer) bool { return c.informer.IsStopped() })
	informers := slices.Clone(g.informers)
	g.mu.Unlock()
	counts := map[string]int{}
	for _, c := range informers {
		keys, err := c.informer.GetIndexer().IndexKeys(asideIndex, asideIndex)
		if err == nil { // it has the index
			counts[c.kind] += len(keys)
		}
	}
	for kind, n := range counts {
		to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(n), kind)
	}
}
