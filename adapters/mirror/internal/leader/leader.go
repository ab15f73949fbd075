// Package leader has one of several mirrors do the work. It is for efficiency only: the
// protocol holds with any number of them (docs/design/0015-mirror.md).
//
// The lock is a session's advisory lock in the database, and no Lease. It costs no write
// of the API server; a process that dies gives it back at once, with its connection; and
// whoever loses the connection loses the lock, and with it all it remembers of what was
// applied, as rule 7 asks.
package leader

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
)

const (
	// key of the advisory lock. It is held once per database.
	key int64 = 0x6f70_6d69_7272_6f72 // "opmirror"

	tryEvery  = time.Second
	pingEvery = 2 * time.Second
	// answerWithin is how long the server may take to answer who holds the lock.
	answerWithin = 5 * time.Second
)

// ErrLost is why the context of the work ended when another mirror may lead by now.
var ErrLost = errors.New("the lock in Postgres was lost")

// Options of an Elector.
type Options struct {
	Pool  *pgxpool.Pool
	Clock clock.WithTicker
	Log   logr.Logger
}

// Elector waits for the lock and holds it.
type Elector struct {
	Options
	leads atomic.Bool
	away  atomic.Pointer[error]
}

// New makes an elector that does not lead.
func New(o Options) *Elector { return &Elector{Options: o} }

// Leads reports whether this process holds the lock.
func (e *Elector) Leads() bool { return e.leads.Load() }

// Err is why the lock could not be asked for the last time; nil when the server answered.
func (e *Elector) Err() error {
	if err := e.away.Load(); err != nil {
		return *err
	}
	return nil
}

// Run does the work whenever it holds the lock, until ctx is over or the work fails for
// another reason than a lost lock. The context of the work ends with the lock, and Run
// waits for the work to return before it asks for the lock again.
func (e *Elector) Run(ctx context.Context, work func(context.Context) error) error {
	retry := e.Clock.NewTicker(tryEvery)
	defer retry.Stop()
	for {
		conn, err := e.acquire(ctx)
		e.tell(ctx, err)
		if conn != nil {
			if err := e.lead(ctx, conn, work); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-retry.C():
		}
	}
}

// tell keeps why the server does not answer, and logs it once.
func (e *Elector) tell(ctx context.Context, err error) {
	before := e.away.Load()
	if err == nil || ctx.Err() != nil {
		e.away.Store(nil)
		return
	}
	e.away.Store(&err)
	if before == nil || (*before).Error() != err.Error() {
		e.Log.Info("Postgres does not answer; it is asked again", "error", err.Error())
	}
}

const (
	// holdWithin is how long Postgres may take to notice that a mirror has ended.
	holdWithin = 3 * time.Second
	holdAgain  = 200 * time.Millisecond
)

// Hold takes the lock for a task that no mirror may run beside, until release is called. It
// fails when a mirror has it, and keeps it.
func Hold(ctx context.Context, pool *pgxpool.Pool) (release func(), err error) {
	e := New(Options{Pool: pool})
	var conn *pgxpool.Conn
	err = wait.PollUntilContextTimeout(ctx, holdAgain, holdWithin, true, func(context.Context) (bool, error) {
		conn, err = e.acquire(ctx)
		return conn != nil, err
	})
	if err != nil && !wait.Interrupted(err) {
		return nil, err
	}
	if conn == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, errors.New("a mirror is running; stop it first, for instance with `kubectl -n ops-system scale deployment/orderplane-mirror --replicas=0`")
	}
	return func() { discard(ctx, conn) }, nil
}

// acquire gives a connection that holds the lock; nil when another one holds it.
func (e *Elector) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	conn, err := e.Pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the mirror's lock: %w", err)
	}
	var got bool
	// A server that is gone without a word is noticed on its side, too, so that it gives the lock back.
	_, err = conn.Exec(ctx, `SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`)
	if err == nil {
		err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&got)
	}
	if err != nil {
		discard(ctx, conn)
		return nil, fmt.Errorf("ask for the mirror's lock: %w", err)
	}
	if !got {
		conn.Release()
		return nil, nil
	}
	return conn, nil
}

// lead does the work while the connection lives.
func (e *Elector) lead(ctx context.Context, conn *pgxpool.Conn, work func(context.Context) error) error {
	defer discard(ctx, conn)
	e.leads.Store(true)
	defer e.leads.Store(false)
	e.Log.Info("leads")
	within, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		e.watch(within, conn, stop)
	}()
	err := work(within)
	lost := errors.Is(context.Cause(within), ErrLost)
	stop(nil)
	<-watched
	if lost {
		e.Log.Info("no longer leads", "reason", context.Cause(within).Error())
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // it was asked to stop, and did
		return nil
	}
	return err
}

// watch looks that the connection lives, and with it the lock.
func (e *Elector) watch(ctx context.Context, conn *pgxpool.Conn, stop context.CancelCauseFunc) {
	ticker := e.Clock.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			answer, cancel := context.WithTimeout(ctx, answerWithin)
			err := conn.Ping(answer)
			cancel()
			if err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%w: %w", ErrLost, err))
				return
			}
		}
	}
}

// discard closes a connection, and with it gives back the lock.
func discard(ctx context.Context, conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Hijack().Close(ctx)
}
