package performance

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Level is what is in the cluster before load comes.
type Level struct {
	// Orders that are live: Confirmed, each with its reservation.
	Orders int `json:"orders"`
	// Reservations that hold stock and belong to no order.
	Reservations int `json:"reservations"`
}

// Name of the level, such as "orders-10000".
func (l Level) Name() string {
	if l.Orders > 0 {
		return fmt.Sprintf("orders-%d", l.Orders)
	}
	return fmt.Sprintf("reservations-%d", l.Reservations)
}

func (l Level) String() string {
	return fmt.Sprintf("%d orders, %d reservations", l.Orders, l.Orders+l.Reservations)
}

// GrowthResult is what a level does to the system.
type GrowthResult struct {
	Level Level `json:"level"`
	// FirstDecisionSeconds is from the start of the manager's process until an
	// order that waited for it was seen decided.
	FirstDecisionSeconds float64 `json:"firstDecisionSeconds"`
	// StartCPU seconds until then, by process.
	StartCPU map[string]float64 `json:"startCPUSeconds"`
	// Manager, at rest after its start.
	Manager managerMemory `json:"manager"`
	// PerOrder is what a live order adds to the manager's memory, in bytes; for
	// a level without orders, what a reservation adds.
	PerOrder managerMemory `json:"managerPerOrder"`
	// APIServer and Etcd after the load.
	APIServer memory `json:"kubeAPIServer"`
	Etcd      memory `json:"etcd"`
	// Rounds, each with four measurements: empty by API, this level by API, empty raw, this level raw.
	Rounds [][]Measurement `json:"rounds,omitempty"`
	// ToEmpty is the median of orders a second here to those of the empty cluster
	// of the same round; RawToEmpty the same of the raw writes.
	ToEmpty    float64 `json:"ordersPerSecondToEmpty,omitempty"`
	RawToEmpty float64 `json:"rawToEmpty,omitempty"`
}

// managerMemory in bytes: what the kernel gave it, and what lives on its heap
// after a collection.
type managerMemory struct {
	RSS  int64 `json:"rssBytes"`
	Heap int64 `json:"heapBytes"`
}

// cluster is a stage at a level, with what is needed to put load on it.
type cluster struct {
	*comparison
	result GrowthResult
}

// growthGroup is what load a level is measured with.
func growthGroup() Group {
	return Group{Name: "growth", Contenders: contenders(on(API, Uniform, 1, 0), on(Raw, Uniform, 1, 0))}
}

// growth measures levels, each beside an empty cluster that is measured in the same
// rounds: the machine is the same for both.
func (b *bench) growth(ctx context.Context, levels []Level) (err error) {
	empty, err := b.cluster(ctx, "empty", Level{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, empty.stage.stop()) }()
	b.report.Growth = append(b.report.Growth, empty.result)
	for _, level := range levels {
		if err := b.level(ctx, empty, level); err != nil {
			return fmt.Errorf("level %s: %w", level.Name(), err)
		}
	}
	return nil
}

func (b *bench) level(ctx context.Context, empty *cluster, level Level) (err error) {
	full, err := b.cluster(ctx, level.Name(), level)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, full.stage.stop()) }()
	g, t := growthGroup(), b.opts.Plan.Rounds
	full.result.per(empty.result)
	for round := range t.Count {
		var measurements []Measurement
		for _, contender := range g.Contenders {
			pair := []*cluster{empty, full}
			measured := make([]Measurement, len(pair))
			for i := range pair {
				for _, c := range pair { // the one that only looks on must be at rest, too
					if err := c.stage.quiet(ctx); err != nil {
						return err
					}
				}
				at := (round + i) % len(pair)
				r := measurer{stage: pair[at].stage, ramp: t.Ramp, window: t.Window}
				if measured[at], err = pair[at].measure(ctx, r, contender); err != nil {
					return err
				}
			}
			measurements = append(measurements, measured...)
		}
		full.result.Rounds = append(full.result.Rounds, measurements)
	}
	if err := full.result.finish(full.stage.pids()); err != nil {
		return err
	}
	b.report.Growth = append(b.report.Growth, full.result)
	return b.report.notePeaks(full.stage.pids())
}

// cluster makes a stage and fills it, starts the manager on it, and measures
// both the start and what the manager then holds.
func (b *bench) cluster(ctx context.Context, name string, l Level) (_ *cluster, err error) {
	s, err := b.stage(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := b.startManager(ctx, s); err != nil {
		return nil, err
	}
	say(b.opts.Out, "%s: writing %s", name, l)
	if err := s.fill(ctx, l); err != nil {
		return nil, err
	}
	out := &cluster{result: GrowthResult{Level: l}}
	if err := s.restart(ctx, &out.result); err != nil {
		return nil, err
	}
	if out.result.Manager, err = managerMemoryOf(ctx, s.manager); err != nil {
		return nil, err
	}
	say(b.opts.Out, "%s: first decision after %.1f s, manager's heap %d MB", name, out.result.FirstDecisionSeconds, out.result.Manager.Heap>>20)
	g := growthGroup()
	if out.comparison, err = newComparison(ctx, s, g, b.opts.Plan.Rounds, b.opts.Out); err != nil {
		return nil, err
	}
	return out, out.warmUp(ctx, g, b.opts.Plan.WarmUp)
}

// fill has the system decide a few orders, stops the manager and brings the
// cluster to a level with copies of them.
func (s *stage) fill(ctx context.Context, l Level) error {
	// This watch would drown in what is written behind the API server's back.
	watching, stop := context.WithCancel(ctx)
	defer stop()
	track, err := watchOrders(watching, s.watcher)
	if err != nil {
		return err
	}
	names, err := submitSamples(ctx, s.api(track, newDeck(Workload{Spread: Uniform, Lines: 1}, s.opts.products, 1)).within(decideWithin))
	if err != nil {
		return err
	}
	stop()
	if err := s.quiet(ctx); err != nil {
		return err
	}
	if err := s.stopManager(); err != nil {
		return err
	}
	items, err := s.items(ctx)
	if err != nil {
		return err
	}
	seed, err := newSeed(ctx, s.cp.EtcdEndpoint(), names, items)
	if err != nil {
		return err
	}
	if err := errors.Join(seed.put(ctx, l), seed.close()); err != nil {
		return err
	}
	return s.quiet(ctx)
}

// restart submits an order, starts the manager, and notes when the order was
// decided and what it took.
func (s *stage) restart(ctx context.Context, result *GrowthResult) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	track, err := watchOrders(watching, s.watcher)
	if err != nil {
		return err
	}
	submit := s.api(track, newDeck(Workload{Spread: Uniform, Lines: 1}, s.opts.products, 2)).within(readyWithin)
	waiting := make(chan error, 1)
	var first submission
	go func() {
		var err error
		first, err = submit(ctx)
		waiting <- err
	}()
	if !pause(ctx, time.Second) { // the order is created by then, and Pending
		return ctx.Err()
	}
	before, err := cpuTimesOf(s.pids())
	if err != nil {
		return err
	}
	start := time.Now()
	if err := s.startManager(); err != nil {
		return err
	}
	if err := <-waiting; err != nil {
		return fmt.Errorf("the first order after a start: %w", err)
	}
	after, err := cpuTimesOf(s.pids())
	if err != nil {
		return err
	}
	result.FirstDecisionSeconds = rounded(first.end.Sub(start).Seconds(), 2)
	result.StartCPU = map[string]float64{}
	for process, used := range after.since(before) {
		result.StartCPU[process] = rounded(used.Seconds(), 2)
	}
	if err := s.manager.AwaitReady(ctx); err != nil {
		return err
	}
	return s.quiet(ctx)
}

// managerMemoryOf has the manager collect its garbage and reads what is left.
func managerMemoryOf(ctx context.Context, manager *component) (managerMemory, error) {
	var page []byte
	for range 2 { // what has a finalizer goes with the second collection
		var err error
		if page, err = manager.profile(ctx, "heap?gc=1&debug=1"); err != nil {
			return managerMemory{}, err
		}
	}
	heap, err := heapAlloc(string(page))
	if err != nil {
		return managerMemory{}, err
	}
	m, err := memoryOf(manager.Process().PID())
	return managerMemory{RSS: m.RSS * 1024, Heap: heap}, err
}

// heapAlloc finds the runtime's HeapAlloc in a heap profile in text form.
func heapAlloc(page string) (int64, error) {
	_, after, found := strings.Cut(page, "\n# HeapAlloc = ")
	if !found {
		return 0, errors.New("the heap profile does not tell HeapAlloc")
	}
	value, _, _ := strings.Cut(after, "\n")
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("HeapAlloc of the heap profile: %w", err)
	}
	return n, nil
}

// per works out what one order of the level adds.
func (g *GrowthResult) per(empty GrowthResult) {
	n := int64(g.Level.Orders)
	if n == 0 {
		n = int64(g.Level.Reservations)
	}
	if n == 0 {
		return
	}
	g.PerOrder = managerMemory{RSS: (g.Manager.RSS - empty.Manager.RSS) / n, Heap: (g.Manager.Heap - empty.Manager.Heap) / n}
}

// The measurements of a round of growth.
const (
	emptyAPI = iota
	fullAPI
	emptyRaw
	fullRaw
)

func (g *GrowthResult) finish(pids map[string]int) error {
	rounds := Result{Rounds: g.Rounds}
	g.ToEmpty = rounded(median(rounds.ratios(fullAPI, emptyAPI, perSecond)), 4)
	g.RawToEmpty = rounded(median(rounds.ratios(fullRaw, emptyRaw, perSecond)), 4)
	var err1, err2 error
	g.APIServer, err1 = memoryOf(pids["kube-apiserver"])
	g.Etcd, err2 = memoryOf(pids["etcd"])
	return errors.Join(err1, err2)
}

func printGrowth(p func(string, ...any), results []GrowthResult) {
	p("\nlive\tto empty\traw to empty\tfirst decision s\tCPU s manager\tapiserver\tmanager heap MB\tRSS MB\theap B/order\tRSS B/order\tapiserver MB\tetcd MB\t\n")
	for _, g := range results {
		p("%s\t%.3f\t%.3f\t%.1f\t%.1f\t%.1f\t%d\t%d\t%d\t%d\t%d\t%d\t\n", g.Level, g.ToEmpty, g.RawToEmpty, g.FirstDecisionSeconds,
			g.StartCPU["manager"], g.StartCPU["kube-apiserver"],
			g.Manager.Heap>>20, g.Manager.RSS>>20, g.PerOrder.Heap, g.PerOrder.RSS, g.APIServer.Peak/1024, g.Etcd.Peak/1024)
	}
}
