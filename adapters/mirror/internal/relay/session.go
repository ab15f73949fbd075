package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

const (
	// lockID is the advisory lock of who empties the outbox of a database.
	lockID = 0x6f7574626f78 // "outbox"
	// lookWithin is how often a session looks whether its connection is still there, and how long
	// that may take.
	lookWithin = 10 * time.Second
)

// session is a connection that holds the lock of an outbox and is told of new rows.
type session struct {
	end func()
	// wake is told when something was queued. It holds one message.
	wake chan struct{}
}

// begin takes the lock of the outbox. The context that it returns is over when the session is, and says why.
// There is no session when another relay has the lock.
func (l *line) begin(ctx context.Context) (context.Context, *session, error) {
	conn, err := l.Pool.Acquire(ctx)
	if err != nil {
		return ctx, nil, fmt.Errorf("connect: %w", err)
	}
	mine := true
	if l.alone {
		err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockID).Scan(&mine)
	}
	if err == nil && mine {
		_, err = conn.Exec(ctx, "LISTEN "+outbox.Channel)
	}
	if err != nil {
		discard(ctx, conn)
		return ctx, nil, fmt.Errorf("take the lock of the outbox: %w", err)
	}
	if !mine {
		conn.Release()
		return ctx, nil, nil
	}
	s := &session{wake: make(chan struct{}, 1)}
	within, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	s.end = func() {
		cancel(nil)
		<-ended
	}
	go func() {
		defer close(ended)
		defer discard(ctx, conn) // with the lock
		cancel(s.listen(within, conn))
	}()
	return within, s, nil
}

// listen waits for notifications until the connection is lost.
func (s *session) listen(ctx context.Context, conn *pgxpool.Conn) error {
	for {
		waiting, stop := context.WithTimeout(ctx, lookWithin)
		_, err := conn.Conn().WaitForNotification(waiting)
		stop()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			select {
			case s.wake <- struct{}{}:
			default: // it is told already
			}
			continue
		case !pgconn.Timeout(err):
			return fmt.Errorf("listen to the outbox: %w", err)
		}
		looking, stop := context.WithTimeout(ctx, lookWithin)
		err = conn.Ping(looking)
		stop()
		if err != nil {
			return fmt.Errorf("listen to the outbox: %w", err)
		}
	}
}

// discard closes a connection rather than to give it back, since it holds a lock or listens.
func discard(ctx context.Context, conn *pgxpool.Conn) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	_ = conn.Hijack().Close(ctx) // it is gone either way
}

// lost says why the session of a context has ended; nil if nobody lost it.
func lost(session context.Context) error {
	if err := context.Cause(session); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
