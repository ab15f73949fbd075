package performance

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// cacheCheckMetric counts how often the API server has compared its watch cache
// of a kind with etcd. It does so every 5 to 7.5 minutes (feature gate
// DetectCacheInconsistency, on by default), and decodes every object of the kind
// twice for it: seconds of a core with tens of thousands of orders. Rounds say
// whether one fell into them.
const cacheCheckMetric = "apiserver_storage_consistency_checks_total"

// cacheChecks is how many comparisons of our kinds the API server has done.
func (s *stage) cacheChecks(ctx context.Context) (int, error) {
	page, err := s.admin.do(ctx, http.MethodGet, "/metrics", nil, nil)
	if err != nil {
		return 0, fmt.Errorf("count the cache checks: %w", err)
	}
	return parseCacheChecks(string(page))
}

func parseCacheChecks(page string) (int, error) {
	sum := 0
	for line := range strings.Lines(page) {
		labels, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if !ok || !strings.HasPrefix(labels, cacheCheckMetric+"{") || !strings.Contains(labels, `group="`+v1alpha1.GroupVersion.Group+`"`) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", cacheCheckMetric, err)
		}
		sum += int(n)
	}
	return sum, nil
}
