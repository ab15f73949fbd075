package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

const (
	// mostDecisions and mostRows bound one transaction: the rows are of each kind.
	mostDecisions = 256
	mostRows      = 200
	// between is how long a transaction is after the last one, when neither is full. What
	// comes meanwhile is written in one.
	between = 20 * time.Millisecond
	// idle is how often it is looked after what no event tells of: a gap, say.
	idle = time.Second
	// firstRetry and lastRetry are how long is waited after a failure.
	firstRetry, lastRetry = 100 * time.Millisecond, 10 * time.Second
)

// teller writes to the database what the view shows.
type teller struct {
	view    *view
	cluster *cluster
	pool    *pgxpool.Pool
	clock   clock.WithTicker
	stage   *stage.Stage
	log     logr.Logger
	metrics *counters
	levels  Dropper
	// committed has a token when something was committed, so that objects may be let go.
	committed chan struct{}
}

// Run tells until ctx is over. A connection that fails is made again, after a while.
func (t *teller) Run(ctx context.Context) {
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		worked, err := t.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if worked {
			wait = firstRetry
		}
		t.stage.Failed(err)
		t.report()
		t.log.Info("stock is not told for now", "error", err.Error(), "againIn", wait.String())
		t.sleep(ctx, wait)
	}
}

// connect tells over one connection, until that fails. worked reports whether anything was
// committed.
func (t *teller) connect(ctx context.Context) (worked bool, err error) {
	conn, err := t.pool.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	cursor, err := stockdb.Cursor(ctx, conn)
	if err != nil {
		return false, err
	}
	t.view.moved(cursor)
	defer t.view.soil()
	s := &session{teller: t, conn: conn, opened: map[string]struct{}{}, isFirst: cursor == 0, isCatchingUp: true}
	err = s.serve(ctx)
	// What is remembered of the database ends with the connection, so the connection ends, too.
	return s.worked, errors.Join(err, conn.Conn().Close(context.WithoutCancel(ctx)))
}

func (t *teller) sleep(ctx context.Context, d time.Duration) {
	timer := t.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}

func (t *teller) report() {
	records, oldest := t.view.waiting()
	t.stage.Waiting(records, oldest)
}

// missing is since when the decision that follows the cursor is nowhere.
type missing struct {
	behind int64
	since  time.Time
}

// serve writes batch after batch, and syncs when it has to. It returns only with an error.
func (s *session) serve(ctx context.Context) error {
	var gap missing
	for ctx.Err() == nil {
		began := s.clock.Now()
		b := s.view.take(mostDecisions, mostRows)
		if err := s.complete(ctx, &b); err != nil {
			return err
		}
		if !b.isEmpty() {
			if err := s.write(ctx, &b); err != nil {
				return err
			}
		} else if s.view.known() <= b.cursor {
			s.isFirst, s.isCatchingUp = false, false
		}
		if len(b.decisions) == 0 {
			if err := s.mind(ctx, &gap, b.cursor); err != nil {
				return err
			}
		} else {
			gap = missing{}
		}
		s.report()
		s.await(ctx, began, &b)
	}
	return ctx.Err()
}

// mind syncs when the next decision was nowhere for too long.
func (s *session) mind(ctx context.Context, gap *missing, cursor int64) error {
	known, now := s.view.known(), s.clock.Now()
	if known <= cursor {
		*gap = missing{}
		return nil
	}
	if gap.since.IsZero() || gap.behind != cursor {
		*gap = missing{cursor, now}
	}
	if !stock.NeedsSync(cursor, known, now.Sub(gap.since)) {
		return nil
	}
	*gap = missing{cursor, now}
	return s.sync(ctx, cursor)
}

// await waits until there is something to write, and not at once after the last time.
func (s *session) await(ctx context.Context, began time.Time, b *batch) {
	if b.isFull() {
		return
	}
	if wait := between - s.clock.Since(began); wait > 0 {
		s.sleep(ctx, wait)
	}
	if !b.isEmpty() {
		return
	}
	timer := s.clock.NewTimer(idle)
	defer timer.Stop()
	select {
	case <-s.view.news:
	case <-timer.C():
	case <-ctx.Done():
	}
}
