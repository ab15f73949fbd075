package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// config leads to the shared server of the tests.
func config(t *testing.T) postgres.Config {
	t.Helper()
	c := postgres.DefaultConfig()
	c.URL = testenv.Postgres(t).URL("")
	c.User = devservices.PostgresUser
	return c
}

// empty opens a new database.
func empty(t *testing.T) *pgxpool.Pool {
	t.Helper()
	c := config(t)
	name := fmt.Sprintf("empty_%d", time.Now().UnixNano())
	if err := testenv.Postgres(t).CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	c.Orders = testenv.Postgres(t).URL(name)
	pool, err := postgres.Open(t.Context(), c, postgres.Orders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func files(texts ...string) fstest.MapFS {
	found := fstest.MapFS{}
	for i, text := range texts {
		found[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return found
}

func TestEveryDatabaseMigratesAndIsUpToDateThen(t *testing.T) {
	for _, db := range postgres.Databases() {
		t.Run(string(db), func(t *testing.T) {
			pool := empty(t)
			applied, err := postgres.MigrateAndTell(t.Context(), pool, db)
			if err != nil {
				t.Fatal(err)
			}
			if len(applied) == 0 || !strings.HasPrefix(applied[0], "00001_") {
				t.Errorf("applied %v", applied)
			}
			applied, err = postgres.MigrateAndTell(t.Context(), pool, db)
			if err != nil || len(applied) != 0 {
				t.Errorf("the second time applied %v, %v", applied, err)
			}
		})
	}
}

func TestReplicasThatStartAtOnceMigrateOnce(t *testing.T) {
	pool := empty(t)
	// goose's own table is there: else making it would keep them apart.
	if _, err := postgres.MigrateFiles(t.Context(), pool, postgres.Orders, files("CREATE TABLE a (x int);")); err != nil {
		t.Fatal(err)
	}
	steps := files("CREATE TABLE a (x int);", "INSERT INTO a SELECT 1 FROM pg_sleep(0.3);")
	var (
		wait    sync.WaitGroup
		applied [4][]string
		errs    [4]error
	)
	for i := range applied {
		wait.Go(func() { applied[i], errs[i] = postgres.MigrateFiles(t.Context(), pool, postgres.Orders, steps) })
	}
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if all := slices.Concat(applied[:]...); len(all) != 1 {
		t.Errorf("applied %v", all)
	}
	var rows int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM a").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("the table has %d rows, %v", rows, err)
	}
}

func TestAnEditedMigrationIsRefusedAndNothingIsApplied(t *testing.T) {
	pool := empty(t)
	if _, err := postgres.MigrateFiles(t.Context(), pool, postgres.Orders, files("CREATE TABLE a (x int);")); err != nil {
		t.Fatal(err)
	}
	edited := files("CREATE TABLE a (x bigint);", "CREATE TABLE b (x int);")
	_, err := postgres.MigrateFiles(t.Context(), pool, postgres.Orders, edited)
	var refused *postgres.EditedError
	if !errors.As(err, &refused) || refused.File != "00001_step.sql" {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"ops_orders", "00001_step.sql", "edited since", "put the file back", "new migration"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	var there bool
	if err := pool.QueryRow(t.Context(), "SELECT to_regclass('b') IS NOT NULL").Scan(&there); err != nil || there {
		t.Errorf("the second was applied on top: %v, %v", there, err)
	}
	// Put back, it goes on; other line ends are no edit.
	back := files("CREATE TABLE a (x int);", "CREATE TABLE b (x int);")
	back["00001_step.sql"].Data = []byte("-- +goose Up\r\nCREATE TABLE a (x int);")
	if applied, err := postgres.MigrateFiles(t.Context(), pool, postgres.Orders, back); err != nil || len(applied) != 1 {
		t.Errorf("put back: applied %v, %v", applied, err)
	}
}

func TestAMigrationThatFailsLeavesNothingAndIsTriedAgain(t *testing.T) {
	pool := empty(t)
	applied, err := postgres.MigrateFiles(t.Context(), pool, postgres.Orders,
		files("CREATE TABLE a (x int);", "CREATE TABLE b (x int); SELECT 1/0;"))
	if err == nil || len(applied) != 1 {
		t.Fatalf("applied %v, %v", applied, err)
	}
	applied, err = postgres.MigrateFiles(t.Context(), pool, postgres.Orders, files("CREATE TABLE a (x int);", "CREATE TABLE b (x int);"))
	if err != nil || len(applied) != 1 {
		t.Errorf("mended: applied %v, %v", applied, err)
	}
}

func TestANewerDatabaseIsLeftAlone(t *testing.T) {
	pool := empty(t)
	if _, err := postgres.MigrateFiles(t.Context(), pool, postgres.Orders, files("CREATE TABLE a (x int);", "CREATE TABLE b (x int);")); err != nil {
		t.Fatal(err)
	}
	applied, err := postgres.MigrateFiles(t.Context(), pool, postgres.Orders, files("CREATE TABLE a (x int);"))
	if err != nil || len(applied) != 0 {
		t.Errorf("applied %v, %v", applied, err)
	}
}

func TestWhatAPersonHasToDoIsSaid(t *testing.T) {
	c := config(t)
	c.Orders = testenv.Postgres(t).URL("nobody_made_it")
	pool, err := postgres.Open(t.Context(), c, postgres.Orders)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	err = postgres.Migrate(t.Context(), pool, postgres.Orders)
	if err == nil || !strings.Contains(err.Error(), `CREATE DATABASE "nobody_made_it" OWNER "ops"`) {
		t.Errorf("got %v", err)
	}
	if postgres.IsAway(err) {
		t.Error("it is waited for")
	}
}

func TestAServerThatIsAwayIsOne(t *testing.T) {
	c := postgres.DefaultConfig()
	c.URL = "postgres://127.0.0.1:1"
	pool, err := postgres.Open(t.Context(), c, postgres.Orders)
	if err != nil {
		t.Fatalf("Open asks the server: %v", err)
	}
	defer pool.Close()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if err := postgres.Migrate(ctx, pool, postgres.Orders); !postgres.IsAway(err) {
		t.Errorf("not away: %v", err)
	}
}

// A component whose user may read and write rows, and change no schema, finds that it is up to date: another
// user has migrated.
func TestAUserWithoutTheSchemaFindsItUpToDate(t *testing.T) {
	owner := empty(t)
	if err := postgres.Migrate(t.Context(), owner, postgres.Orders); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"CREATE ROLE rows_only LOGIN",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rows_only",
	} {
		if _, err := owner.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	c := config(t)
	c.Orders = strings.Replace(testenv.Postgres(t).URL(owner.Config().ConnConfig.Database), devservices.PostgresUser+"@", "rows_only@", 1)
	pool, err := postgres.Open(t.Context(), c, postgres.Orders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if applied, err := postgres.MigrateAndTell(t.Context(), pool, postgres.Orders); err != nil || len(applied) != 0 {
		t.Errorf("applied %v, %v", applied, err)
	}
	if _, err := pool.Exec(t.Context(), "CREATE TABLE a (x int)"); err == nil {
		t.Error("it changes the schema")
	}
}
