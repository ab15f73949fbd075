package notificationdb_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/domain/notification/protocol"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// twin is one order's notifications, in the database and by the rules of the protocol.
type twin struct {
	t     *testing.T
	pool  *pgxpool.Pool
	rules protocol.Table
	dice  *rand.Rand
	ids   [protocol.Senders + 1]uuid.UUID
}

// sender is one of them by chance, from 1.
func (w *twin) sender() uint8 { return 1 + uint8(w.dice.IntN(protocol.Senders)) }

func (w *twin) event() int { return w.dice.IntN(protocol.Events) }

func (w *twin) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// mail is the notification of an event, numbered from 0.
func mail(e int) notification.Notification { return mailOf(0, int64(e+1)) }

// steps do the same in the database and by the rules, and say what they did.
func (w *twin) steps() []func() string {
	ctx := w.t.Context()
	return []func() string{
		func() string {
			from := w.event()
			to := from + 1 + w.dice.IntN(protocol.Events-from)
			var planned []notification.Notification
			var rows [protocol.Events]protocol.Row
			for e := from; e < to; e++ {
				planned, rows[e] = append(planned, mail(e)), protocol.Row{Status: protocol.Pending}
			}
			record(w.t, w.pool, planned...)
			w.rules.Record(from, to, rows)
			return fmt.Sprintf("record %d to %d", from, to)
		},
		func() string {
			by, holding := w.sender(), w.dice.IntN(protocol.Events+1)-1
			w.must(notificationdb.Alive(ctx, w.pool, w.ids[by], time.Minute))
			w.rules.Alive[by] = true
			who := notificationdb.Claimant{Sender: w.ids[by], Channel: notification.Email}
			if holding >= 0 {
				who.Holding = []uuid.UUID{mail(holding).ID}
			}
			got, err := notificationdb.Claim(ctx, w.pool, who, 10)
			w.must(err)
			want := w.rules.Claim(by, holding)
			if (want < 0) != (len(got) == 0) || want >= 0 && got[0].ID != mail(want).ID {
				w.t.Errorf("sender %d, who holds %d, claims %v, and by the rules %d", by, holding, got, want)
			}
			return fmt.Sprintf("%d claims", by)
		},
		func() string {
			by, e, before := w.sender(), w.event(), w.dice.IntN(4)
			attempt := notification.Attempt{Permanent: w.dice.IntN(3) == 0}
			if w.dice.IntN(2) == 0 {
				attempt.Err = fmt.Errorf("451")
			}
			step := notification.After(before, attempt)
			step.Pause = 0 // it is due again at once: the rules have no time
			kept, err := notificationdb.Finish(ctx, w.pool, w.ids[by], []notificationdb.Finished{{ID: mail(e).ID, Step: step}})
			w.must(err)
			if want := w.rules.Finish(by, e, step); want != (len(kept) == 1) {
				w.t.Errorf("%d keeps %d: %d, and by the rules %t", by, e, len(kept), want)
			}
			return fmt.Sprintf("%d finishes %d as %s", by, e, step.Status)
		},
		func() string {
			by := w.sender()
			w.must(notificationdb.Alive(ctx, w.pool, w.ids[by], -time.Second))
			w.rules.Alive[by] = false
			return fmt.Sprintf("%d dies", by)
		},
		func() string {
			by := w.sender()
			w.must(notificationdb.Leave(ctx, w.pool, w.ids[by]))
			w.rules.Leave(by)
			return fmt.Sprintf("%d leaves", by)
		},
		func() string {
			e := w.event()
			n, err := notificationdb.Again(ctx, w.pool, []uuid.UUID{mail(e).EventID})
			w.must(err)
			if want := w.rules.Again(e); want != (n == 1) {
				w.t.Errorf("%d is sent again: %d, and by the rules %t", e, n, want)
			}
			return fmt.Sprintf("%d again", e)
		},
		func() string {
			w.must(pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
				due, err := notificationdb.FindUntold(ctx, tx, 10)
				if err != nil || len(due) == 0 {
					return err
				}
				var ids []uuid.UUID
				for _, u := range due {
					ids = append(ids, u.ID)
				}
				return notificationdb.Told(ctx, tx, ids)
			}))
			w.rules.Tell()
			return "tell"
		},
		func() string {
			if w.dice.IntN(3) > 0 {
				return "nothing"
			}
			_, err := notificationdb.Forget(ctx, w.pool, -time.Hour, 100)
			w.must(err)
			w.rules.Forget()
			return "forget"
		},
	}
}

// stored is what the database has.
func (w *twin) stored() (found protocol.Table) {
	w.t.Helper()
	var (
		e        int
		status   notification.Status
		attempts uint8
		sender   uuid.UUID
		told     bool
	)
	rows, err := w.pool.Query(w.t.Context(), `SELECT seq - 1, status, attempts, coalesce(sender, $1), told_at IS NOT NULL FROM notifications`, uuid.Nil)
	w.must(err)
	_, err = pgx.ForEachRow(rows, []any{&e, &status, &attempts, &sender, &told}, func() error {
		r := protocol.Row{Status: protocol.Of(status), Attempts: attempts, Told: told}
		for n, id := range w.ids {
			if n > 0 && id == sender {
				r.Sender = uint8(n)
			}
		}
		found.Rows[e] = r
		return nil
	})
	w.must(err)
	rows, err = w.pool.Query(w.t.Context(), `SELECT seq - 1 FROM inbox`)
	w.must(err)
	_, err = pgx.ForEachRow(rows, []any{&e}, func() error { found.Inbox[e] = true; return nil })
	w.must(err)
	found.Alive = w.rules.Alive
	return found
}

// The statements do what the protocol says that they do, which is explored in every order.
func TestTheStatementsKeepToTheProtocol(t *testing.T) {
	const steps = 600
	seed := rand.Uint64()
	w := &twin{t: t, pool: testenv.Database(t, postgres.Notifications), dice: rand.New(rand.NewPCG(seed, 0))}
	for n := range w.ids {
		w.ids[n] = uuid.New()
	}
	var done []string
	for range steps {
		every := w.steps()
		done = append(done, every[w.dice.IntN(len(every))]())
		if diff := cmp.Diff(w.rules, w.stored()); diff != "" || t.Failed() {
			t.Fatalf("seed %d (-rules +database):\n%s\nafter %q", seed, diff, done[max(0, len(done)-12):])
		}
	}
}
