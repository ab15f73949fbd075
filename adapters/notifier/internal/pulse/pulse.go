// Package pulse keeps whether the parts of a notifier get on with their work, for health and metrics.
package pulse

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// Pulse is of one part. Any number of goroutines may report to it.
type Pulse struct {
	clock clock.PassiveClock

	mu    sync.Mutex
	err   error
	since time.Time
}

// Failed reports that the part can't go on for now.
func (p *Pulse) Failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.since = p.clock.Now()
	}
	p.err = err
}

// Succeeded reports that something got through: what failed before is over.
func (p *Pulse) Succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = nil
}

// failing is what failed last, and for how long nothing has succeeded.
func (p *Pulse) failing() (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return 0, nil
	}
	return max(0, p.clock.Since(p.since)), p.err
}

// Set is the pulses of all parts, by their names.
type Set struct {
	clock  clock.PassiveClock
	pulses map[string]*Pulse
	desc   *prometheus.Desc
}

// NewSet makes pulses for parts of these names, none of which has failed.
func NewSet(c clock.PassiveClock, parts ...string) *Set {
	s := &Set{clock: c, pulses: map[string]*Pulse{}, desc: prometheus.NewDesc("orderplane_notifier_failing_seconds",
		"How long a part of the notifier has failed without any success; 0 when it works.", []string{"part"}, nil)}
	for _, part := range parts {
		s.pulses[part] = &Pulse{clock: c}
	}
	return s
}

// Of is the pulse of a part, which must be one of the set's.
func (s *Set) Of(part string) *Pulse { return s.pulses[part] }

// Checks are what health says of each part.
func (s *Set) Checks() map[string]health.Check {
	checks := map[string]health.Check{}
	for name, p := range s.pulses {
		checks[name] = func(context.Context) (string, error) {
			if d, err := p.failing(); err != nil {
				return "", fmt.Errorf("failing for %s: %w", d.Round(time.Second), err)
			}
			return "", nil
		}
	}
	return checks
}

// Register adds the metric of the pulses to a registry.
func (s *Set) Register(registry prometheus.Registerer) error {
	collector := prometheus.Collector(s)
	if err := metrics.Register(registry, &collector); err != nil {
		return fmt.Errorf("register the metrics of the notifier's parts: %w", err)
	}
	return nil
}

// Describe is of prometheus.Collector.
func (s *Set) Describe(to chan<- *prometheus.Desc) { to <- s.desc }

// Collect is of prometheus.Collector.
func (s *Set) Collect(to chan<- prometheus.Metric) {
	for name, p := range s.pulses {
		d, _ := p.failing()
		to <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, d.Seconds(), name)
	}
}
