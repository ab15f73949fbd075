package stage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/kube/health"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestAStageSaysWhatItWasTold(t *testing.T) {
	down := errors.New("connection refused")
	tests := map[string]struct {
		do   func(s *stage.Stage, c *clocktesting.FakePassiveClock)
		want stage.Snapshot
	}{
		"new": {func(*stage.Stage, *clocktesting.FakePassiveClock) {}, stage.Snapshot{}},
		"the lag grows between reports": {func(s *stage.Stage, c *clocktesting.FakePassiveClock) {
			s.Waiting(3, noon.Add(-time.Second))
			c.SetTime(noon.Add(4 * time.Second))
		}, stage.Snapshot{Waiting: 3, Lag: 5 * time.Second}},
		"nothing waits, nothing lags": {func(s *stage.Stage, _ *clocktesting.FakePassiveClock) {
			s.Waiting(0, noon.Add(-time.Hour))
		}, stage.Snapshot{}},
		"a clock that went back is no negative lag": {func(s *stage.Stage, _ *clocktesting.FakePassiveClock) {
			s.Waiting(1, noon.Add(time.Minute))
		}, stage.Snapshot{Waiting: 1}},
		"failing since the first failure": {func(s *stage.Stage, c *clocktesting.FakePassiveClock) {
			s.Failed(errors.New("other"))
			c.SetTime(noon.Add(time.Minute))
			s.Failed(down)
		}, stage.Snapshot{Err: down, Failing: time.Minute}},
		"a success ends it": {func(s *stage.Stage, c *clocktesting.FakePassiveClock) {
			s.Failed(down)
			c.SetTime(noon.Add(time.Minute))
			s.Succeeded()
		}, stage.Snapshot{Worked: noon.Add(time.Minute)}},
		"parts are added up": {func(s *stage.Stage, c *clocktesting.FakePassiveClock) {
			s.Part("orders").Waiting(3, noon.Add(-time.Second))
			s.Part("stock").Waiting(4, noon.Add(-time.Minute))
			s.Part("stock").Failed(down)
			c.SetTime(noon.Add(time.Second))
			s.Part("orders").Succeeded()
		}, stage.Snapshot{Waiting: 7, Lag: 61 * time.Second, Err: down, Failing: time.Second, Worked: noon.Add(time.Second)}},
		"a part that works does not hide one that fails": {func(s *stage.Stage, _ *clocktesting.FakePassiveClock) {
			s.Part("orders").Failed(down)
			s.Part("stock").Succeeded()
			s.Succeeded()
		}, stage.Snapshot{Err: down, Worked: noon}},
		"forgotten, with its parts": {func(s *stage.Stage, _ *clocktesting.FakePassiveClock) {
			s.Part("orders").Waiting(3, noon)
			s.Failed(down)
			s.Forget()
		}, stage.Snapshot{}},
		"no error is no failure": {func(s *stage.Stage, _ *clocktesting.FakePassiveClock) { s.Failed(nil) }, stage.Snapshot{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := clocktesting.NewFakePassiveClock(noon)
			s := stage.New("x", c)
			tt.do(s, c)
			tt.want.Name = "x"
			if diff := cmp.Diff(tt.want, s.Snapshot(), cmpopts.EquateErrors()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNilTakesEveryReport(t *testing.T) {
	var s *stage.Stage
	s.Waiting(1, noon)
	s.Failed(errors.New("x"))
	s.Succeeded()
	s.Part("x").Waiting(1, noon)
	s.Forget()
	if diff := cmp.Diff(stage.Snapshot{}, s.Snapshot()); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsShowEveryStage(t *testing.T) {
	c := clocktesting.NewFakePassiveClock(noon)
	set := stage.NewSet(c)
	set.Database.Waiting(7, noon.Add(-90*time.Second))
	set.Broker.Failed(errors.New("no broker"))
	c.SetTime(noon.Add(10 * time.Second))
	registry := prometheus.NewPedanticRegistry()
	if err := set.Register(registry); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]float64{
		"orderplane_mirror_failing_seconds": {"watch": 0, "database": 0, "broker": 10, "inbound": 0},
		"orderplane_mirror_lag_seconds":     {"watch": 0, "database": 100, "broker": 0, "inbound": 0},
		"orderplane_mirror_waiting_records": {"watch": 0, "database": 7, "broker": 0, "inbound": 0},
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]float64{}
	for _, family := range families {
		got[family.GetName()] = map[string]float64{}
		for _, m := range family.GetMetric() {
			got[family.GetName()][m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHealthNamesWhatWaitsAndWhatFailed(t *testing.T) {
	c := clocktesting.NewFakePassiveClock(noon)
	set := stage.NewSet(c)
	set.Watch.Waiting(2, noon.Add(-1500*time.Millisecond))
	set.Broker.Waiting(5, noon.Add(-time.Minute))
	set.Broker.Failed(errors.New("no broker"))
	c.SetTime(noon.Add(30 * time.Second))
	got := health.Examine(t.Context(), set.Checks())
	want := health.Report{Status: health.Down, Components: map[string]health.Component{
		"watch":    {Status: health.Up, Detail: "2 waiting, the oldest for 31.5s"},
		"database": {Status: health.Up, Detail: "nothing waits"},
		"broker":   {Status: health.Down, Detail: "failing for 30s: no broker (5 waiting, the oldest for 1m30s)"},
		"inbound":  {Status: health.Up, Detail: "nothing waits"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
