package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// EditedError says that a migration was edited after it had been applied.
type EditedError struct {
	Database Database
	// File of the migration, such as 00001_orders.sql.
	File string
}

func (e *EditedError) Error() string {
	return fmt.Sprintf("%s: migration %s was applied and has been edited since; put the file back as it was applied, "+
		"and write the change as a new migration with the next number", e.Database, e.File)
}

// Migrate brings a database to the newest schema. Any number of processes may call it at once; one of
// them migrates, the others wait. A migration that was applied and has been edited since is an
// *EditedError, and nothing is applied. Migrations that the database has and this binary has not
// are those of a newer version, and left alone.
func Migrate(ctx context.Context, pool *pgxpool.Pool, db Database) error {
	_, err := MigrateAndTell(ctx, pool, db)
	return err
}

// MigrateAndTell is Migrate that also gives the files that it applied, in order.
func MigrateAndTell(ctx context.Context, pool *pgxpool.Pool, db Database) (applied []string, err error) {
	files, err := fs.Sub(migrations, path.Join("migrations", strings.TrimPrefix(string(db), "ops_")))
	if err != nil {
		return nil, err
	}
	applied, err = migrate(ctx, pool, db, files)
	if err != nil {
		return applied, fmt.Errorf("migrate %s: %w", db, wayOut(err, pool))
	}
	return applied, nil
}

func migrate(ctx context.Context, pool *pgxpool.Pool, db Database, files fs.FS) ([]string, error) {
	// Asked every second for five minutes: a long migration elsewhere is waited for.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	versions, err := database.NewStore(database.DialectPostgres, goose.DefaultTablename)
	if err != nil {
		return nil, err
	}
	store := &checkedStore{Store: versions, db: db, files: map[int64]migration{}}
	conns := stdlib.OpenDBFromPool(pool)
	defer func() { _ = conns.Close() }() // not the pool's own connections
	provider, err := goose.NewProvider(goose.DialectCustom, conns, files,
		goose.WithStore(store), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	for _, s := range provider.ListSources() {
		text, err := fs.ReadFile(files, s.Path)
		if err != nil {
			return nil, err
		}
		store.files[s.Version] = migration{file: path.Base(s.Path), checksum: checksum(text)}
	}
	results, err := provider.Up(ctx)
	if partial := new(goose.PartialError); errors.As(err, &partial) {
		results = partial.Applied
	}
	var applied []string
	for _, r := range results {
		applied = append(applied, path.Base(r.Source.Path))
	}
	return applied, err
}

// checksum of a migration, the same whatever a checkout made of its line ends.
func checksum(text []byte) string {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(string(text), "\r\n", "\n")))
	return hex.EncodeToString(sum[:])
}

type migration struct{ file, checksum string }

// checkedStore is goose's table of versions, and beside it a table of checksums. goose writes a version in
// the transaction of its migration, so the checksum is written there, too; and it lists what was
// applied under its lock before it applies anything, so that is where they are compared.
type checkedStore struct {
	database.Store

	db    Database
	files map[int64]migration
}

// TableExists keeps goose from finding out by a query that fails.
func (s *checkedStore) TableExists(ctx context.Context, conn database.DBTxConn) (bool, error) {
	var exists bool
	err := conn.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", s.Tablename()).Scan(&exists)
	return exists, err
}

func (s *checkedStore) CreateVersionTable(ctx context.Context, conn database.DBTxConn) error {
	if err := s.Store.CreateVersionTable(ctx, conn); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, `CREATE TABLE migration_checksums (
		version    bigint PRIMARY KEY,
		file       text NOT NULL,
		sha256     text NOT NULL,
		applied_at timestamptz NOT NULL DEFAULT now())`)
	return err
}

func (s *checkedStore) Insert(ctx context.Context, conn database.DBTxConn, req database.InsertRequest) error {
	if err := s.Store.Insert(ctx, conn, req); err != nil {
		return err
	}
	if req.Version == 0 {
		return nil // goose's mark of an empty database
	}
	m := s.files[req.Version]
	_, err := conn.ExecContext(ctx, "INSERT INTO migration_checksums (version, file, sha256) VALUES ($1, $2, $3)", req.Version, m.file, m.checksum)
	return err
}

func (s *checkedStore) ListMigrations(ctx context.Context, conn database.DBTxConn) ([]*database.ListMigrationsResult, error) {
	for version, m := range s.files {
		var applied string
		err := conn.QueryRowContext(ctx, "SELECT sha256 FROM migration_checksums WHERE version = $1", version).Scan(&applied)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, fmt.Errorf("read checksums: %w", err)
		case applied != m.checksum:
			return nil, &EditedError{Database: s.db, File: m.file}
		}
	}
	return s.Store.ListMigrations(ctx, conn)
}
