//go:build linux

package mirror_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
)

// restored are the databases that a mirror fills.
func restored() []postgres.Database { return []postgres.Database{postgres.Orders, postgres.Inventory} }

// loses loses everything in turn, and holds what comes of it to rules 39 to 41: the topics say nothing
// twice in another way and nothing out of order, and cluster, databases and topics agree in the end.
func (s *system) loses(t *testing.T, size scale, r *reader, trade func(t *testing.T, orders int)) {
	ctx, cancel := context.WithTimeout(t.Context(), size.within)
	defer cancel()
	agree := func(t *testing.T) {
		t.Helper()
		if err := s.settled(ctx); err != nil {
			t.Fatal(err)
		}
		if said, err := s.task(ctx, "--check"); err != nil {
			t.Errorf("%v: %s", err, said)
		} else {
			t.Log(strings.TrimSpace(said))
		}
		r.check(t)
	}
	t.Run("nothing", agree)
	t.Run("both databases", func(t *testing.T) {
		s.mirrors(ctx, t, false)
		ids, repeats := r.size()
		for _, db := range restored() {
			s.admin(ctx, t, fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, db), fmt.Sprintf(`CREATE DATABASE %s`, db))
		}
		if said, err := s.task(ctx, "--rebuild"); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		s.mirrors(ctx, t, true)
		agree(t)
		if nowIDs, nowRepeats := r.size(); nowIDs != ids || nowRepeats != repeats {
			t.Errorf("%d events and %d repeats more than before", nowIDs-ids, nowRepeats-repeats)
		}
		s.nothingCarried(ctx, t)
	})
	t.Run("what came after a backup", func(t *testing.T) {
		s.mirrors(ctx, t, false)
		for _, db := range restored() {
			s.admin(ctx, t, s.copies(db, "backup_"+string(db), string(db))...)
		}
		s.mirrors(ctx, t, true)
		trade(t, 60)
		if err := s.settled(ctx); err != nil {
			t.Fatal(err)
		}
		s.mirrors(ctx, t, false)
		ids, _ := r.size()
		for _, db := range restored() {
			s.admin(ctx, t, fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, db))
			s.admin(ctx, t, s.copies(db, string(db), "backup_"+string(db))...)
		}
		if said, err := s.task(ctx, "--rebuild"); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		s.mirrors(ctx, t, true)
		agree(t)
		s.nothingCarried(ctx, t)
		if now, _ := r.size(); now != ids {
			t.Errorf("%d events have another id than before", now-ids)
		}
	})
	t.Run("topics", func(t *testing.T) {
		s.mirrors(ctx, t, false)
		lost := []string{string(event.OrderCreated), string(event.InventoryUpdated)}
		s.deleteTopics(ctx, t, lost...)
		for _, topic := range lost {
			if said, err := s.task(ctx, "--replay="+topic); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
		}
		s.mirrors(ctx, t, true)
		agree(t)
	})
}

// nothingCarried holds the ledger to what is on hand.
func (s *system) nothingCarried(ctx context.Context, t *testing.T) {
	t.Helper()
	var carried int
	if err := s.pool(postgres.Inventory).QueryRow(ctx, `SELECT count(*) FROM movements WHERE kind = 'Carried'`).Scan(&carried); err != nil || carried > 0 {
		t.Errorf("%d differences were carried (%v)", carried, err)
	}
}

// task runs a task of the mirror with its own binary and environment.
func (s *system) task(ctx context.Context, flag string) (said string, err error) {
	access, err := s.cp.Kubeconfig(namespace)
	if err != nil {
		return "", err
	}
	file := filepath.Join(s.dir, "admin.kubeconfig")
	if err := os.WriteFile(file, access, 0o600); err != nil {
		return "", err
	}
	task := exec.CommandContext(ctx, s.binary, append([]string{"mirror", flag}, s.wiring...)...)
	task.Env = append(os.Environ(), "KUBECONFIG="+file)
	out, err := task.CombinedOutput()
	return string(out), err
}

// mirrors starts both mirrors, or stops them.
func (s *system) mirrors(ctx context.Context, t *testing.T, run bool) {
	t.Helper()
	for _, name := range []string{"mirror-1", "mirror-2"} {
		do := s.components[name].Stop
		if run {
			do = func() error { return s.components[name].Start(ctx) }
		}
		if err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// admin runs statements that belong to no database of ours.
func (s *system) admin(ctx context.Context, t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, s.postgres.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the statements were carried out
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// copies copies a database as it is on the disk. The gateway has connections to it.
func (*system) copies(db postgres.Database, to, from string) []string {
	return []string{
		fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS false`, from),
		fmt.Sprintf(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'`, from),
		fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, to, from),
		fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS true`, from),
		fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS true`, db),
	}
}

func (s *system) deleteTopics(ctx context.Context, t *testing.T, names ...string) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.Bootstrap()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	gone, err := kadm.NewClient(c).DeleteTopics(ctx, names...)
	if err == nil {
		err = gone.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// size is how many events were read, and how many records more.
func (r *reader) size() (events, repeats int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.values), r.repeats
}
