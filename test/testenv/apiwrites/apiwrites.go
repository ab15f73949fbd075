// Package apiwrites counts the writes an API server has answered, by kind, from
// its own metrics: what tests and the benchmark hold the controllers to.
package apiwrites

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// requestMetric counts every request the API server answered.
const requestMetric = "apiserver_request_total"

// Write is a kind of write: which verb on what.
type Write struct {
	// Group of the resource; empty for Kubernetes' core, such as events.
	Group string
	// Resource in plural, and subresource, which may be empty.
	Resource, Subresource string
	// Verb as the API server's metrics have it: POST, PUT, PATCH, APPLY, DELETE or DELETECOLLECTION.
	Verb string
}

func (w Write) String() string {
	name := w.Resource
	if w.Group != "" {
		name += "." + w.Group
	}
	if w.Subresource != "" {
		name += "/" + w.Subresource
	}
	return w.Verb + " " + name
}

// Counts are writes by kind, refused ones such as conflicts included: they
// cost the API server too.
type Counts map[Write]int64

// Read tells how many writes an API server has answered since it started. Take
// one before and one after, and compare with Since.
func Read(ctx context.Context, cfg *rest.Config) (Counts, error) {
	client, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("read the API server's metrics: %w", err)
	}
	page, err := client.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the API server's metrics: %w", err)
	}
	return parse(page)
}

// parse reads one metric from a page that is megabytes long, most of it histograms.
func parse(page []byte) (Counts, error) {
	var wanted bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(page))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, requestMetric+"{") || strings.HasPrefix(line, "# TYPE "+requestMetric+" ") {
			wanted.WriteString(line + "\n")
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the API server's metrics: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&wanted)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", requestMetric, err)
	}
	counts := Counts{}
	for _, m := range families[requestMetric].GetMetric() {
		w := writeOf(m.GetLabel())
		if isWrite(w.Verb) {
			counts[w] += int64(m.GetCounter().GetValue())
		}
	}
	return counts, nil
}

func writeOf(labels []*dto.LabelPair) Write {
	var w Write
	for _, l := range labels {
		switch l.GetName() {
		case "group":
			w.Group = l.GetValue()
		case "resource":
			w.Resource = l.GetValue()
		case "subresource":
			w.Subresource = l.GetValue()
		case "verb":
			w.Verb = l.GetValue()
		}
	}
	return w
}

func isWrite(verb string) bool {
	switch verb {
	case "POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION":
		return true
	}
	return false
}

// Since is what was written after before was read; kinds without a write are left out.
func (w Counts) Since(before Counts) Counts {
	diff := Counts{}
	for kind, n := range w {
		if n -= before[kind]; n != 0 {
			diff[kind] = n
		}
	}
	return diff
}

// Of is the number of writes to Orderplane's resources of these names, status
// and other subresources included; to all of Orderplane's when none is named.
func (w Counts) Of(resources ...string) int64 {
	var sum int64
	for kind, n := range w {
		if kind.Group != v1alpha1.GroupVersion.Group {
			continue
		}
		if len(resources) == 0 || slices.Contains(resources, kind.Resource) {
			sum += n
		}
	}
	return sum
}

// String is one line a kind of write, sorted.
func (w Counts) String() string {
	kinds := slices.SortedFunc(maps.Keys(w), func(a, b Write) int {
		return strings.Compare(a.Group+a.Resource+a.Subresource+a.Verb, b.Group+b.Resource+b.Subresource+b.Verb)
	})
	var out strings.Builder
	for _, kind := range kinds {
		fmt.Fprintf(&out, "%6d %s\n", w[kind], kind)
	}
	return out.String()
}
