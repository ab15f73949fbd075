package performance

import (
	"context"
	"fmt"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv/apiwrites"
)

// Measurement is what a contender did, once.
type Measurement struct {
	Mode     Mode   `json:"mode"`
	Workload string `json:"workload"`
	// Build that was measured, in a comparison of builds.
	Build string `json:"build,omitempty"`
	// InFlight orders in the closed model; Rate of arrivals a second in the open one.
	InFlight int     `json:"inFlight,omitempty"`
	Rate     float64 `json:"rate,omitempty"`
	// Offered arrivals a second in the window, in the open model.
	Offered float64 `json:"offeredPerSecond,omitempty"`
	// Dropped arrivals found too many orders waiting and were not submission.
	Dropped int `json:"dropped,omitempty"`

	// Orders there were; more than were decided in the window.
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
	// Lag of the topics behind the cluster, on a stage with a mirror.
	Lag *Lag `json:"lag,omitempty"`
	// CacheChecks are the API server's own comparisons of its cache with etcd.
	CacheChecks int `json:"cacheChecks,omitempty"`
}

// meter reads what a measurement has cost.
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

// measurer measures on a stage.
type measurer struct {
	stage *stage
	// ramp is load before the window of a measurement.
	ramp, window time.Duration
}

// run measures once, from rest to rest: writes and CPU are those of all its
// orders, rates and latencies those of its window.
func (r measurer) run(ctx context.Context, measured Measurement, drive func(context.Context, window) (load, error)) (Measurement, error) {
	writesBefore, err := apiwrites.Read(ctx, r.stage.cp.Config())
	if err != nil {
		return measured, err
	}
	checksBefore, err := r.stage.cacheChecks(ctx)
	if err != nil {
		return measured, err
	}
	before, err := r.stage.meter()
	if err != nil {
		return measured, err
	}
	if r.stage.topics != nil {
		r.stage.topics.forget()
	}
	begin := time.Now().Add(r.ramp)
	w := window{begin: begin, end: begin.Add(r.window)}
	l, err := drive(ctx, w)
	if err != nil {
		return measured, fmt.Errorf("%s, %s: %w", measured.Mode, measured.Workload, err)
	}
	if r.stage.topics != nil && measured.Mode != Raw { // nobody mirrors what the raw writer writes
		if measured.Lag, err = r.stage.topics.lag(ctx, l.inWindow, w); err != nil {
			return measured, err
		}
	}
	writes, err := r.stage.allWritten(ctx, writesBefore, l.orders)
	if err != nil {
		return measured, err
	}
	after, err := r.stage.meter()
	if err != nil {
		return measured, err
	}
	// A comparison counts once it has ended.
	if err := r.stage.quiet(ctx); err != nil {
		return measured, err
	}
	checksAfter, err := r.stage.cacheChecks(ctx)
	if err != nil {
		return measured, err
	}
	if l.orders == 0 {
		return measured, fmt.Errorf("%s, %s: no order was decided", measured.Mode, measured.Workload)
	}
	measured.Orders, measured.Dropped, measured.CacheChecks = l.orders, l.dropped, checksAfter-checksBefore
	measured.PerSecond = rounded(l.perSecond(w), 1)
	measured.Offered = rounded(float64(l.offered)/r.window.Seconds(), 1)
	measured.Create, measured.Decided = l.latencies()
	measured.Outcomes = l.outcomes()
	measured.account(writes, after.cpu.since(before.cpu))
	measured.share(after.at.Sub(before.at), after.machine-before.machine, after.cpu.since(before.cpu))
	return measured, nil
}

// allWrittenLook is how often it is looked whether all is written, allWrittenLimit how long.
const (
	allWrittenLook  = 100 * time.Millisecond
	allWrittenLimit = 30 * time.Second
)

// allWritten waits until the reservation of every order shows what was decided, which may be
// after its order does, and returns what was written since. It counts orders and no creates of
// reservations: the manager's may be refused, since it repeats one whose reservation it does not
// see yet.
func (s *stage) allWritten(ctx context.Context, since apiwrites.Counts, orders int) (apiwrites.Counts, error) {
	ctx, cancel := context.WithTimeout(ctx, allWrittenLimit)
	defer cancel()
	var shown int64
	for {
		now, err := apiwrites.Read(ctx, s.cp.Config())
		if err == nil {
			writes := now.Since(since)
			if shown = statusesOf(writes); shown >= int64(orders) {
				return writes, nil
			}
		} else if ctx.Err() == nil {
			return nil, err
		}
		if !pause(ctx, allWrittenLook) {
			return nil, fmt.Errorf("wait until %d reservations show what was decided (%d do): %w", orders, shown, ctx.Err())
		}
	}
}

// statusesOf is how often the status of a reservation was written.
func statusesOf(writes apiwrites.Counts) int64 {
	return writes[apiwrites.Write{
		Group: v1alpha1.GroupVersion.Group, Resource: "stockreservations", Subresource: "status", Verb: "PUT",
	}]
}

// share says how much of the machine the measurement had.
func (r *Measurement) share(wall, machine time.Duration, cpu cpuTimes) {
	var ours time.Duration
	for _, used := range cpu {
		ours += used
	}
	r.Cores = rounded(ours.Seconds()/wall.Seconds(), 2)
	r.ForeignCores = rounded(max(machine-ours, 0).Seconds()/wall.Seconds(), 2)
}

// account says what the orders of the measurement cost.
func (r *Measurement) account(writes apiwrites.Counts, cpu cpuTimes) {
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
