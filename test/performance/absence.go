package performance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/postgres"
)

// AbsenceResult is how a mirror catches up that was away while orders were placed.
type AbsenceResult struct {
	// Orders that waited, each confirmed: two events of the order and one of its product.
	Orders int `json:"orders"`
	// Seconds from the start of the mirror's process until consumers had all of them, and nothing
	// was left to be published. ReadySeconds of these are until it had read the cluster.
	Seconds      float64 `json:"seconds"`
	ReadySeconds float64 `json:"readySeconds"`
	// PerSecond are orders a second over all of that time, TellingPerSecond without the time
	// until it was ready.
	PerSecond        float64 `json:"ordersPerSecond"`
	TellingPerSecond float64 `json:"tellingPerSecond"`
	// CPU seconds until then, by process.
	CPU map[string]float64 `json:"cpuSeconds"`
	// Memory of the mirror while it catches up.
	Memory []MemorySample `json:"memory"`
	// AtRest is the mirror after another start, with the same orders and nothing to tell.
	AtRest memory `json:"atRest"`
	// Stores is what the orders take.
	Stores Stores `json:"stores"`
}

// MemorySample is how far a mirror was, and its memory at the time.
type MemorySample struct {
	Seconds float64 `json:"seconds"`
	// Told orders, of the orders in Postgres and on the topics the fewer.
	Told int   `json:"told"`
	RSS  int64 `json:"rssKiB"`
}

// absent bounds an absence's end: even a tenth of the goal is over by then.
const absent = 10 * time.Minute

// absence fills a cluster while no mirror runs, then starts one and sees it catch up.
func (b *bench) absence(ctx context.Context, orders int) (err error) {
	s, err := b.stage(ctx, "absence")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := b.startManager(ctx, s); err != nil {
		return err
	}
	if err := s.mirrorOnce(ctx); err != nil {
		return err
	}
	say(b.opts.Out, "absence: writing %d orders", orders)
	if err := s.fill(ctx, Level{Orders: orders}); err != nil {
		return err
	}
	if err := b.startManager(ctx, s); err != nil {
		return err
	}
	result := &AbsenceResult{Orders: orders + samples}
	if err := s.catchUp(ctx, result); err != nil {
		return err
	}
	say(b.opts.Out, "absence: %d orders told in %.1f s: %.0f orders/s", result.Orders, result.Seconds, result.PerSecond)
	if err := b.report.notePeaks(s.pids()); err != nil {
		return err
	}
	if result.AtRest, err = s.mirrorAtRest(ctx); err != nil {
		return err
	}
	if result.Stores, err = s.stores(ctx); err != nil {
		return err
	}
	b.report.Absence = result
	return nil
}

// mirrorOnce has a mirror that was there before: the databases and topics are made.
func (s *stage) mirrorOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := s.startMirror(); err != nil {
		return err
	}
	if err := s.mirror.AwaitReady(ctx); err != nil {
		return err
	}
	for {
		p, err := newProgress(ctx, s)
		if err != nil {
			return err
		}
		_, err = p.look(ctx, 0)
		p.close()
		if err == nil {
			return s.stopMirror()
		}
		if !pause(ctx, quietLook) {
			return errors.Join(err, ctx.Err())
		}
	}
}

// catchUp starts the mirror and follows it until everything is told.
func (s *stage) catchUp(ctx context.Context, r *AbsenceResult) error {
	ctx, cancel := context.WithTimeout(ctx, absent)
	defer cancel()
	progress, err := newProgress(ctx, s)
	if err != nil {
		return err
	}
	defer progress.close()
	before, err := cpuTimesOf(s.pids())
	if err != nil {
		return err
	}
	start := time.Now()
	if err := s.startMirror(); err != nil {
		return err
	}
	ready := make(chan time.Duration, 1)
	mirror := s.mirror
	go func() {
		if mirror.AwaitReady(ctx) == nil {
			ready <- time.Since(start)
		}
	}()
	for done := false; !done; {
		if !pause(ctx, time.Second) {
			return fmt.Errorf("wait until %d orders are told: %w (%s)", r.Orders, ctx.Err(), progress)
		}
		if done, err = progress.look(ctx, r.Orders); err != nil {
			return err
		}
		m, err := memoryOf(mirror.Process().PID())
		if err != nil {
			return err
		}
		r.Memory = append(r.Memory, MemorySample{Seconds: rounded(time.Since(start).Seconds(), 1), Told: progress.told(), RSS: m.RSS})
	}
	took := time.Since(start)
	after, err := cpuTimesOf(s.pids())
	if err != nil {
		return err
	}
	r.CPU = map[string]float64{}
	for process, used := range after.since(before) {
		r.CPU[process] = rounded(used.Seconds(), 1)
	}
	select {
	case t := <-ready:
		r.ReadySeconds = rounded(t.Seconds(), 1)
	case <-ctx.Done():
		return fmt.Errorf("wait until the mirror is ready: %w", ctx.Err())
	}
	r.Seconds = rounded(took.Seconds(), 1)
	r.PerSecond = rounded(float64(r.Orders)/took.Seconds(), 0)
	r.TellingPerSecond = rounded(float64(r.Orders)/(took.Seconds()-r.ReadySeconds), 0)
	return nil
}

// mirrorAtRest starts the mirror once more and reads its memory once it has nothing to do.
func (s *stage) mirrorAtRest(ctx context.Context) (memory, error) {
	if err := s.stopMirror(); err != nil {
		return memory{}, err
	}
	if err := s.startMirror(); err != nil {
		return memory{}, err
	}
	if err := s.mirror.AwaitReady(ctx); err != nil {
		return memory{}, err
	}
	if err := s.quiet(ctx); err != nil {
		return memory{}, err
	}
	return memoryOf(s.mirror.Process().PID())
}

// progress is how far a mirror is, by its databases and by what a consumer has.
type progress struct {
	stage             *stage
	orders, inventory *pgxpool.Pool
	// journal is the number of the last stock decision.
	journal int64

	rows, consumed int
	cursor         int64
	waiting        bool
}

func newProgress(ctx context.Context, s *stage) (*progress, error) {
	p := &progress{stage: s}
	var err error
	if p.journal, err = s.journalSeq(ctx); err != nil {
		return nil, err
	}
	for db, into := range map[postgres.Database]**pgxpool.Pool{postgres.Orders: &p.orders, postgres.Inventory: &p.inventory} {
		if *into, err = pgxpool.New(ctx, s.services.postgres.URL(string(db))); err != nil {
			p.close()
			return nil, fmt.Errorf("look how far the mirror is: %w", err)
		}
	}
	return p, nil
}

// look reads how far it is; done is true when all orders and stock decisions are told and published.
func (p *progress) look(ctx context.Context, orders int) (done bool, err error) {
	var orderEvents, stockEvents bool
	err = p.orders.QueryRow(ctx, "SELECT (SELECT count(*) FROM orders), EXISTS (SELECT FROM outbox)").Scan(&p.rows, &orderEvents)
	if err != nil {
		return false, fmt.Errorf("look how many orders are told: %w", err)
	}
	err = p.inventory.QueryRow(ctx, "SELECT (SELECT seq FROM cursor), EXISTS (SELECT FROM outbox)").Scan(&p.cursor, &stockEvents)
	if err != nil {
		return false, fmt.Errorf("look how many stock decisions are told: %w", err)
	}
	p.consumed, p.waiting = p.stage.topics.whole(), orderEvents || stockEvents
	return p.rows >= orders && p.consumed >= orders && p.cursor >= p.journal && !p.waiting, nil
}

func (p *progress) told() int { return min(p.rows, p.consumed) }

func (p *progress) String() string {
	return fmt.Sprintf("%d in Postgres, %d on the topics, stock at %d of %d, records to publish: %t", p.rows, p.consumed, p.cursor, p.journal, p.waiting)
}

func (p *progress) close() {
	for _, pool := range []*pgxpool.Pool{p.orders, p.inventory} {
		if pool != nil {
			pool.Close()
		}
	}
}

func printAbsence(p func(string, ...any), r *AbsenceResult) {
	p("\nabsence\torders\tready s\tall told s\torders/s\t(since ready)\tmirror RSS MB at rest\tCPU s mirror\tpostgres\tkafka\tkube-apiserver\t\n")
	p("\t%d\t%.1f\t%.1f\t%.0f\t%.0f\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", r.Orders, r.ReadySeconds, r.Seconds, r.PerSecond, r.TellingPerSecond,
		r.AtRest.RSS/1024, r.CPU["mirror"], r.CPU[postgresProcess], r.CPU["kafka"], r.CPU["kube-apiserver"])
	printStores(p, r.Orders, r.Stores)
	p("\nafter s\ttold\tmirror RSS MB\t\n")
	for n, m := range r.Memory {
		if n%5 == 0 || n == len(r.Memory)-1 {
			p("%.1f\t%d\t%d\t\n", m.Seconds, m.Told, m.RSS/1024)
		}
	}
}
