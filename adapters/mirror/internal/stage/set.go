package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// Set is every stage of a mirror.
type Set struct {
	Watch, Database, Broker, Inbound *Stage
}

// NewSet makes the stages.
func NewSet(c clock.PassiveClock) *Set {
	return &Set{
		Watch:    New(Watch, c),
		Database: New(Database, c),
		Broker:   New(Broker, c),
		Inbound:  New(Inbound, c),
	}
}

// All are the stages in order.
func (s *Set) All() []*Stage { return []*Stage{s.Watch, s.Database, s.Broker, s.Inbound} }

// Forget has every stage but Inbound know nothing: what they told ends with the lock.
// Inbound goes on also where this process stands by.
func (s *Set) Forget() {
	s.Watch.Forget()
	s.Database.Forget()
	s.Broker.Forget()
}

// Register adds the metrics of the stages to a registry.
func (s *Set) Register(registry prometheus.Registerer) error {
	c := &collector{
		set: s,
		lag: prometheus.NewDesc("orderplane_mirror_lag_seconds",
			"How long the oldest record that waits at a stage of the mirror has been waiting; 0 when none waits.", []string{"stage"}, nil),
		waiting: prometheus.NewDesc("orderplane_mirror_waiting_records",
			"Records that wait at a stage of the mirror.", []string{"stage"}, nil),
		failing: prometheus.NewDesc("orderplane_mirror_failing_seconds",
			"How long a stage of the mirror has failed without any success; 0 when it works.", []string{"stage"}, nil),
	}
	if err := metrics.Register(registry, &c); err != nil {
		return fmt.Errorf("register the metrics of the mirror's stages: %w", err)
	}
	return nil
}

// Checks are what health says of each stage: how much waits since when, or what failed.
func (s *Set) Checks() map[string]health.Check {
	checks := map[string]health.Check{}
	for _, one := range s.All() {
		checks[one.name] = func(context.Context) (string, error) { return one.Snapshot().health() }
	}
	return checks
}

func (s Snapshot) health() (string, error) {
	behind := "nothing waits"
	if s.Waiting > 0 {
		behind = fmt.Sprintf("%d waiting, the oldest for %s", s.Waiting, s.Lag.Round(time.Millisecond))
	}
	if s.Err != nil {
		return "", fmt.Errorf("failing for %s: %w (%s)", s.Failing.Round(time.Second), s.Err, behind)
	}
	return behind, nil
}

// collector shows the stages as they are when somebody asks.
type collector struct {
	set                   *Set
	lag, waiting, failing *prometheus.Desc
}

// Describe is of prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- c.lag
	to <- c.waiting
	to <- c.failing
}

// Collect is of prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, one := range c.set.All() {
		now := one.Snapshot()
		to <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, now.Lag.Seconds(), now.Name)
		to <- prometheus.MustNewConstMetric(c.waiting, prometheus.GaugeValue, float64(now.Waiting), now.Name)
		to <- prometheus.MustNewConstMetric(c.failing, prometheus.GaugeValue, now.Failing.Seconds(), now.Name)
	}
}
