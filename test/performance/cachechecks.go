package performance

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// cacheCheckMetric counts how often the API server has compared its watch cache
// of a kind with etcd. It does so every 5 to 7.5 minutes (feature gate
// DetectCacheInconsistency, on by default), and decodes every object of the kind
// twice for it: seconds of a core with tens of thousands of orders. Rounds say
// whether one fell into them.
const cacheCheckMetric = "apiserver_storage_consistency_checks_total"

// ofOurKinds is the label of metrics about them.
const ofOurKinds = `group="orderplane.dev"`

// cacheChecks is how many comparisons of our kinds the API server has done.
func (s *stage) cacheChecks(ctx context.Context) (int, error) {
	n, err := s.apiServerMetric(ctx, cacheCheckMetric, ofOurKinds)
	return int(n), err
}

// apiServerMetric is the sum of those series of a metric of the API server that have all labels, each as
// in name="value".
func (s *stage) apiServerMetric(ctx context.Context, name string, labels ...string) (float64, error) {
	page, err := s.admin.do(ctx, http.MethodGet, "/metrics", nil, nil)
	if err != nil {
		return 0, fmt.Errorf("read the API server's %s: %w", name, err)
	}
	return sumOfMetric(string(page), name, labels...)
}

func sumOfMetric(page, name string, labels ...string) (sum float64, err error) {
lines:
	for line := range strings.Lines(page) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if !ok || !strings.HasPrefix(series, name+"{") {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(series, label) {
				continue lines
			}
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		sum += n
	}
	return sum, nil
}
