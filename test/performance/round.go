package performance

import (
	"context"
	"fmt"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv/apiwrites"
)

// Round is one measurement of one mode.
type Round struct {
	Mode     Mode   `json:"mode"`
	Workload string `json:"workload"`
	// Build that was measured, in a comparison of builds.
	Build string `json:"build,omitempty"`
	// InFlight orders in the closed model; Rate of arrivals a second in the open one.
	InFlight int     `json:"inFlight,omitempty"`
	Rate     float64 `json:"rate,omitempty"`
	// Offered arrivals a second in the window, in the open model.
	Offered float64 `json:"offeredPerSecond,omitempty"`
	// Dropped arrivals found too many orders waiting and were not placed.
	Dropped int `json:"dropped,omitempty"`

	// Orders of the round; more than were decided in its window.
	Orders    int     `json:"orders"`
	PerSecond float64 `json:"ordersPerSecond"`
	// Create is until the create was answered, Decided until the order was seen
	// Confirmed or Cancelled; both in milliseconds.
	Create  latencies `json:"createMs"`
	Decided latencies `json:"decidedMs"`
	// Outcomes in the window.
	Outcomes map[v1alpha1.OrderPhase]int `json:"outcomes"`

	// WritesPerOrder are API writes to objects of ours, an order: orders, reservations, the
	// journal, and the stock items that people look at. Writes are all, by kind, an order:
	// the leases, too, which are written by the clock. Refused ones count.
	WritesPerOrder float64            `json:"writesPerOrder"`
	Writes         map[string]float64 `json:"writes"`
	// CPU seconds for 1,000 orders, by process and in all without the load generator.
	CPU      map[string]float64 `json:"cpuSecondsPer1000Orders"`
	CPUTotal float64            `json:"cpuSecondsPer1000OrdersTotal"`
	// Cores that our processes kept busy, the load generator included, and that
	// others did: what is left of the machine was idle.
	Cores        float64 `json:"cores"`
	ForeignCores float64 `json:"foreignCores"`
	// CacheChecks are the API server's own comparisons of its cache with etcd.
	CacheChecks int `json:"cacheChecks,omitempty"`
}

// meter reads what a round has cost.
type meter struct {
	at      time.Time
	cpu     cpuTimes
	machine time.Duration
}

func (s *stage) meter() (meter, error) {
	cpu, err := cpuTimesOf(s.pids())
	if err != nil {
		return meter{}, err
	}
	machine, err := machineTime()
	return meter{at: time.Now(), cpu: cpu, machine: machine}, err
}

// rounder runs rounds on a stage.
type rounder struct {
	stage *stage
	// ramp comes before the window in which a round is measured.
	ramp, window time.Duration
}

// run measures one round from rest to rest: writes and CPU are those of all its
// orders, rates and latencies those of its window.
func (r rounder) run(ctx context.Context, round Round, drive func(context.Context, window) (load, error)) (Round, error) {
	writesBefore, err := apiwrites.Read(ctx, r.stage.admin)
	if err != nil {
		return round, err
	}
	checksBefore, err := r.stage.cacheChecks(ctx)
	if err != nil {
		return round, err
	}
	before, err := r.stage.meter()
	if err != nil {
		return round, err
	}
	begin := time.Now().Add(r.ramp)
	w := window{begin: begin, end: begin.Add(r.window)}
	l, err := drive(ctx, w)
	if err != nil {
		return round, fmt.Errorf("%s, %s: %w", round.Mode, round.Workload, err)
	}
	writes, err := r.stage.allWritten(ctx, writesBefore)
	if err != nil {
		return round, err
	}
	after, err := r.stage.meter()
	if err != nil {
		return round, err
	}
	// A comparison counts once it has ended.
	if err := r.stage.quiet(ctx); err != nil {
		return round, err
	}
	checksAfter, err := r.stage.cacheChecks(ctx)
	if err != nil {
		return round, err
	}
	if l.orders == 0 {
		return round, fmt.Errorf("%s, %s: no order was decided", round.Mode, round.Workload)
	}
	round.Orders, round.Dropped, round.CacheChecks = l.orders, l.dropped, checksAfter-checksBefore
	round.PerSecond = rounded(l.perSecond(w), 1)
	round.Offered = rounded(float64(l.offered)/r.window.Seconds(), 1)
	round.Create, round.Decided = l.latencies()
	round.Outcomes = l.outcomes()
	round.account(writes, after.cpu.since(before.cpu))
	round.share(after.at.Sub(before.at), after.machine-before.machine, after.cpu.since(before.cpu))
	return round, nil
}

// allWrittenLook is how often it is looked whether all is written, allWrittenLimit how long.
const (
	allWrittenLook  = 100 * time.Millisecond
	allWrittenLimit = 30 * time.Second
)

// allWritten waits until every reservation made since shows what was decided, which may
// be after its order does, and returns what was written since.
func (s *stage) allWritten(ctx context.Context, since apiwrites.Counts) (apiwrites.Counts, error) {
	ctx, cancel := context.WithTimeout(ctx, allWrittenLimit)
	defer cancel()
	for {
		now, err := apiwrites.Read(ctx, s.admin)
		if err != nil {
			return nil, err
		}
		writes := now.Since(since)
		if toReservations(writes, "PUT", "status") >= toReservations(writes, "POST", "") {
			return writes, nil
		}
		if !pause(ctx, allWrittenLook) {
			return nil, fmt.Errorf("wait until reservations show what was decided: %w", ctx.Err())
		}
	}
}

func toReservations(writes apiwrites.Counts, verb, subresource string) int64 {
	return writes[apiwrites.Write{
		Group: v1alpha1.GroupVersion.Group, Resource: "stockreservations", Subresource: subresource, Verb: verb,
	}]
}

// share says how much of the machine the round had.
func (r *Round) share(wall, machine time.Duration, cpu cpuTimes) {
	var ours time.Duration
	for _, used := range cpu {
		ours += used
	}
	r.Cores = rounded(ours.Seconds()/wall.Seconds(), 2)
	r.ForeignCores = rounded(max(machine-ours, 0).Seconds()/wall.Seconds(), 2)
}

// account says what the orders of the round cost.
func (r *Round) account(writes apiwrites.Counts, cpu cpuTimes) {
	orders := float64(r.Orders)
	r.Writes = map[string]float64{}
	for kind, n := range writes {
		r.Writes[kind.String()] = rounded(float64(n)/orders, 4)
	}
	r.WritesPerOrder = rounded(float64(writes.Of())/orders, 4)
	r.CPU = map[string]float64{}
	for process, used := range cpu {
		seconds := used.Seconds() * 1000 / orders
		r.CPU[process] = rounded(seconds, 3)
		if process != "bench" {
			r.CPUTotal += seconds
		}
	}
	r.CPUTotal = rounded(r.CPUTotal, 3)
}
