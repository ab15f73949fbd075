package testenv_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

func TestOnePostgresServesTheWholeBinary(t *testing.T) {
	p := testenv.Postgres(t)
	if testenv.Postgres(t) != p {
		t.Error("a second one was started")
	}
	conn, err := pgx.Connect(t.Context(), p.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it was only asked
	var user string
	if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&user); err != nil || user != "ops" {
		t.Errorf("it serves %q, %v", user, err)
	}
}

func TestEachDatabaseIsFreshAndMigrated(t *testing.T) {
	const tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
	for _, db := range postgres.Databases() {
		first, second := testenv.Database(t, db), testenv.Database(t, db)
		var there, kept int
		if err := first.QueryRow(t.Context(), tables).Scan(&there); err != nil || there < 2 {
			t.Errorf("%s has %d tables, %v", db, there, err)
		}
		if _, err := first.Exec(t.Context(), "CREATE TABLE mine AS SELECT 1"); err != nil {
			t.Fatal(err)
		}
		if err := second.QueryRow(t.Context(), tables).Scan(&kept); err != nil || kept != there {
			t.Errorf("the second %s has %d tables and not %d, %v", db, kept, there, err)
		}
	}
}

func TestADatabaseGoesWithItsTest(t *testing.T) {
	var name string
	t.Run("who holds a connection", func(t *testing.T) {
		pool := testenv.Database(t, postgres.Orders)
		name = pool.Config().ConnConfig.Database
		if _, err := pool.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), testenv.Postgres(t).URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it was only asked
	var there bool
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
		t.Errorf("%s is there: %t, %v", name, there, err)
	}
}
