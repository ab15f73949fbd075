package devservices_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/devservices"
)

// startPostgres runs a server of the test's own in a folder that other accounts may enter.
func startPostgres(t *testing.T, change func(*devservices.PostgresOptions)) *devservices.Postgres {
	t.Helper()
	p, err := devservices.StartPostgres(t.Context(), postgresOptions(t, change))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func postgresOptions(t *testing.T, change func(*devservices.PostgresOptions)) devservices.PostgresOptions {
	t.Helper()
	bin, err := devservices.FindPostgres()
	if err != nil {
		t.Fatal(err)
	}
	dir := open(t)
	o := devservices.PostgresOptions{Bin: bin, Dir: filepath.Join(dir, "postgres"), LogDir: filepath.Join(dir, "log"), UnsafeNoFsync: true}
	change(&o)
	return o
}

// open is a temporary folder that every account may enter.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "devservices-") //nolint:usetesting // t.TempDir lies in a folder that is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func ask(t *testing.T, url, query string) (answer string, err error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // it was only asked
	err = conn.QueryRow(t.Context(), query).Scan(&answer)
	return answer, err
}

func TestPostgresKeepsItsDataAndPortWhenKilled(t *testing.T) {
	p := startPostgres(t, func(*devservices.PostgresOptions) {})
	ctx := t.Context()
	if err := p.CreateDatabase(ctx, "ops_orders"); err != nil {
		t.Fatal(err)
	}
	url := p.URL("ops_orders")
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE kept AS SELECT 47 AS n"); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func() error{"stopped, with a client on it": p.Stop, "killed": p.Kill} {
		if err := end(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := p.Restart(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := ask(t, url, "SELECT n::text FROM kept"); err != nil || got != "47" {
			t.Errorf("%s: it has %q, %v", name, got, err)
		}
	}
	if err := p.CreateDatabase(ctx, "ops_orders"); err != nil {
		t.Errorf("a database that is there: %v", err)
	}
}

func TestPostgresIsFoundAgainAfterItsParentWasKilled(t *testing.T) {
	first := postgresOptions(t, func(*devservices.PostgresOptions) {})
	p, err := devservices.StartPostgres(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil { // as the kernel does when the parent is gone
		t.Fatal(err)
	}
	pid := filepath.Join(first.Dir, "data", "postmaster.pid")
	if _, err := os.Stat(pid); err != nil {
		t.Fatalf("a killed server leaves its pid file: %v", err)
	}
	again, err := devservices.StartPostgres(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Stop(); err != nil {
		t.Error(err)
	}
}

func TestAPasswordIsAskedForWhereThereIsOne(t *testing.T) {
	p := startPostgres(t, func(o *devservices.PostgresOptions) { o.Password = "a secret's \"word" })
	url := p.URL("postgres")
	if got, err := ask(t, url, "SELECT current_user || ' ' || current_setting('data_directory')"); err != nil || !strings.HasPrefix(got, "ops /") {
		t.Errorf("with it: %q, %v", got, err)
	}
	wrong := strings.Replace(url, ":a%20secret", ":another", 1)
	if _, err := ask(t, wrong, "SELECT 'in'"); wrong == url || err == nil || !strings.Contains(err.Error(), "password authentication failed") {
		t.Errorf("with another one: %v", err)
	}
}

// Root's own folders are often closed to others, and Postgres is not run as root.
func TestAFolderIsFoundThatTheAccountOfPostgresCanReach(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	wanted := filepath.Join(closed, "postgres")
	dir, err := devservices.ReachableDir(wanted)
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		if dir != wanted {
			t.Errorf("it is %s, and this account can reach %s", dir, wanted)
		}
		return
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	startPostgres(t, func(o *devservices.PostgresOptions) { o.Dir = dir })
	if again, err := devservices.ReachableDir(wanted); err != nil || again != dir {
		t.Errorf("the second start has %s, %v, want %s", again, err, dir)
	}
	_, err = devservices.StartPostgres(t.Context(), postgresOptions(t, func(o *devservices.PostgresOptions) { o.Dir = filepath.Join(closed, "other") }))
	if err == nil || !strings.Contains(err.Error(), "can't enter "+closed) {
		t.Errorf("in the closed folder: %v", err)
	}
}

func TestDataOfAnotherVersionIsRefusedWithTheWayOut(t *testing.T) {
	o := postgresOptions(t, func(*devservices.PostgresOptions) {})
	data := filepath.Join(o.Dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := devservices.StartPostgres(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "made by Postgres 9") || !strings.Contains(err.Error(), devservices.PostgresBinEnv) {
		t.Errorf("got %v", err)
	}
}
