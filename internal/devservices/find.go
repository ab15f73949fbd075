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

	"github.com/orderplane/orderplane/internal/devcluster"
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

// KafkaLibsEnv names the folder that holds the jars of Apache Kafka.
const KafkaLibsEnv = "KAFKA_LIBS"

// ErrNoKafka is wrapped by FindKafka when there is no Java, or no Kafka to run with it.
var ErrNoKafka = errors.New("no Apache Kafka on this machine")

// FindKafka gives the folder with the jars of Apache Kafka: $KAFKA_LIBS, else bin/kafka of the
// module the working directory is in.
func FindKafka() (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("%w: java is missing (on Debian: apt-get install default-jre-headless)", ErrNoKafka)
	}
	dir := os.Getenv(KafkaLibsEnv)
	if dir == "" {
		root, err := devcluster.ModuleRoot()
		if err != nil {
			return "", fmt.Errorf("%w: %w: run this inside Orderplane's checkout after `hack/kafka/ensure.sh`, or set %s", ErrNoKafka, err, KafkaLibsEnv)
		}
		dir = filepath.Join(root, "bin", "kafka")
	}
	if jars, err := filepath.Glob(filepath.Join(dir, "kafka-server-*.jar")); err != nil || len(jars) == 0 {
		return "", fmt.Errorf("%w: %s has no jars of it: run `hack/kafka/ensure.sh`, or set %s", ErrNoKafka, dir, KafkaLibsEnv)
	}
	return dir, nil
}

// ErrNoRedis is wrapped by FindRedis when the machine has no Redis server.
var ErrNoRedis = errors.New("no Redis server on this machine")

// FindRedis gives the machine's redis-server, or valkey-server, which speaks the same.
func FindRedis() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: install it (on Debian: apt-get install redis-server)", ErrNoRedis)
}

// ErrNoChromium is wrapped by FindChromium when the machine has no browser of that kind.
var ErrNoChromium = errors.New("no Chromium on this machine")

// FindChromium gives the machine's Chromium, or a Chrome, which is driven the same way.
func FindChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: install it (on Debian: apt-get install chromium)", ErrNoChromium)
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
