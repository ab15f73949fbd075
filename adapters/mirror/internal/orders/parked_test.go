package orders

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestAParkedOrderIsNamedWithItsTraceOnceForEachReason(t *testing.T) {
	var lines []string
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	p := newParked(log, m)
	o := &v1alpha1.Order{}
	o.Name, o.ResourceVersion = "ord-1", "7"
	o.Annotations = map[string]string{v1alpha1.TraceIDAnnotation: "trace-1"}
	why := errors.New("it makes no sense")
	p.put(o, why)
	p.put(o, why)
	if len(lines) != 1 || !strings.Contains(lines[0], `"order"="ord-1"`) || !strings.Contains(lines[0], `"traceId"="trace-1"`) {
		t.Errorf("logged: %q", lines)
	}
	o.ResourceVersion = "8"
	p.put(o, why)
	if len(lines) != 2 {
		t.Errorf("logged: %q", lines)
	}
}
