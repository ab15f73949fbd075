package devservices

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// PostgresBinEnv names the folder that holds postgres and initdb.
const PostgresBinEnv = "POSTGRES_BIN"

// ErrNoPostgres is wrapped by FindPostgres when the machine has no Postgres server.
var ErrNoPostgres = errors.New("no Postgres server on this machine")

// FindPostgres gives the folder that holds the machine's postgres and initdb: $POSTGRES_BIN,
// else the one in PATH, else the newest of those that distributions install.
func FindPostgres() (string, error) {
	if dir := os.Getenv(PostgresBinEnv); dir != "" {
		if !hasPostgres(dir) {
			return "", fmt.Errorf("%s=%s lacks postgres or initdb: correct it, or unset it", PostgresBinEnv, dir)
		}
		return dir, nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if dir := filepath.Dir(path); hasPostgres(dir) {
			return dir, nil
		}
	}
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for Postgres: %w", err)
		}
		found = append(found, slices.DeleteFunc(dirs, func(dir string) bool { return !hasPostgres(dir) })...)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%w: install it (on Debian: apt-get install postgresql), or set %s", ErrNoPostgres, PostgresBinEnv)
	}
	return slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(versionIn(a), versionIn(b)) }), nil
}

func hasPostgres(dir string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, name)) //nolint:gosec // whoever sets the environment chooses what runs
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// versionIn is the first number in a path, which is Postgres' major version there.
func versionIn(path string) int {
	begin := 0
	for begin < len(path) && !digit(path[begin]) {
		begin++
	}
	end := begin
	for end < len(path) && digit(path[end]) {
		end++
	}
	n, err := strconv.Atoi(path[begin:end])
	if err != nil {
		return 0
	}
	return n
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
