package testenv

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/postgres"
)

// templates are migrated databases that are copied: that takes a few milliseconds.
type templates struct {
	mu   sync.Mutex
	made map[postgres.Database]error
	// copies counts the copies, for their names.
	copies atomic.Int64
}

//nolint:gochecknoglobals // they belong to the one server of the test binary
var sharedTemplates = templates{made: map[postgres.Database]error{}}

// Database is a fresh database with all tables of one of Orderplane's, on the server of
// Postgres. It goes when the test is over, with everything that is connected to it.
func Database(t TB, db postgres.Database) *pgxpool.Pool {
	t.Helper()
	server := Postgres(t)
	ctx, cancel := context.WithTimeout(context.Background(), servicesWithin)
	defer cancel()
	name, err := sharedTemplates.copy(ctx, server, db)
	if err != nil {
		t.Fatalf("make a database %s: %v", db, err)
	}
	pool, err := open(ctx, server, db, name)
	if err != nil {
		t.Fatalf("open a database %s: %v", db, err)
	}
	t.Cleanup(func() {
		// Not Close alone: it waits for connections that a test still holds.
		go pool.Close()
		if err := drop(server, name); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return pool
}

// copy makes a database of a name of its own.
func (s *templates) copy(ctx context.Context, server *devservices.Postgres, db postgres.Database) (name string, err error) {
	if err := s.prepare(ctx, server, db); err != nil {
		return "", err
	}
	name = fmt.Sprintf("%s_%d", db, s.copies.Add(1))
	return name, server.CopyDatabase(ctx, name, template(db))
}

// prepare makes the template of a database, once.
func (s *templates) prepare(ctx context.Context, server *devservices.Postgres, db postgres.Database) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err, tried := s.made[db]
	if !tried {
		err = makeTemplate(ctx, server, db)
		s.made[db] = err
	}
	return err
}

func template(db postgres.Database) string { return string(db) + "_template" }

func makeTemplate(ctx context.Context, server *devservices.Postgres, db postgres.Database) error {
	if err := server.CreateDatabase(ctx, template(db)); err != nil {
		return err
	}
	pool, err := open(ctx, server, db, template(db))
	if err != nil {
		return err
	}
	defer pool.Close() // who is connected to a template keeps it from being copied
	return postgres.Migrate(ctx, pool, db)
}

func open(ctx context.Context, server *devservices.Postgres, db postgres.Database, name string) (*pgxpool.Pool, error) {
	url := server.URL(name)
	return postgres.Open(ctx, postgres.Config{Orders: url, Inventory: url, Notifications: url}, db)
}

func drop(server *devservices.Postgres, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), servicesWithin)
	defer cancel()
	conn, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to be said
	_, err = conn.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	return err
}
