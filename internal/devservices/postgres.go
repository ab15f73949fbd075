package devservices

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/devcluster"
)

const (
	// PostgresUser owns every database.
	PostgresUser = "ops"
	// startWithin bounds the start of a service on a machine that is busy with other work.
	startWithin = time.Minute
	// askWithin bounds one question to a service that may not serve yet.
	askWithin = 2 * time.Second
	// leftoversWithin bounds the wait for processes of a server that was killed.
	leftoversWithin = 10 * time.Second
)

// PostgresOptions say how a Postgres server is run.
type PostgresOptions struct {
	// Bin holds initdb and postgres; FindPostgres gives it.
	Bin string
	// Dir keeps the data. Root gives it to the account the server runs as.
	Dir string
	// LogDir receives postgres.log.
	LogDir string
	// Port is a loopback port; a free one when 0.
	Port int
	// Password of PostgresUser, by SCRAM. Without one everybody on this machine is let in: for tests.
	Password string
	// UnsafeNoFsync skips what keeps data when the machine is lost. For tests.
	UnsafeNoFsync bool
}

// Postgres is a Postgres server.
type Postgres struct {
	*devcluster.Server
	opts PostgresOptions
}

// StartPostgres runs a Postgres server and waits until it serves; never as root. A new
// folder is made a database cluster first.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	account, err := serviceAccount()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.LogDir, 0o750); err != nil {
		return nil, fmt.Errorf("start postgres: make the log folder: %w", err)
	}
	if err := give(o.Dir, account); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	if err := o.initialize(ctx, account); err != nil {
		return nil, err
	}
	p := &Postgres{opts: o}
	p.Server = devcluster.NewServer(devcluster.ServerOptions{
		Name: "postgres", Path: filepath.Join(o.Bin, "postgres"), Args: o.args,
		Env: o.environment(), Dir: o.Dir, LogFile: filepath.Join(o.LogDir, "postgres.log"),
		Port: o.Port, StartTimeout: startWithin, RunAs: account,
		StopSignal: syscall.SIGINT, // a fast shutdown: SIGTERM would wait for every client to leave
		Ready:      func(ctx context.Context, port int) error { return p.serves(ctx, port) },
	})
	if err := p.afterLeftovers(ctx, p.Launch); err != nil {
		return nil, err
	}
	return p, nil
}

func (o PostgresOptions) data() string { return filepath.Join(o.Dir, "data") }

// initialize makes the database cluster where there is none.
func (o PostgresOptions) initialize(ctx context.Context, account *devcluster.Account) error {
	made, err := os.ReadFile(filepath.Join(o.data(), "PG_VERSION"))
	if err == nil {
		return o.fits(ctx, strings.TrimSpace(string(made)))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("start postgres: %w", err)
	}
	// Under another name first: one that was interrupted is no database cluster.
	part := o.data() + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("remove a database that was half made: %w", err)
	}
	args := []string{"--pgdata=" + part, "--username=" + PostgresUser, "--encoding=UTF8", "--locale=C"}
	if o.Password == "" {
		args = append(args, "--auth=trust")
	} else {
		file, err := o.passwordFile(account)
		if err != nil {
			return err
		}
		defer os.Remove(file) //nolint:errcheck // the server's account alone can read it
		args = append(args, "--auth=scram-sha-256", "--pwfile="+file)
	}
	if o.UnsafeNoFsync {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(o.Bin, "initdb"), args...) //nolint:gosec // the caller chooses what runs
	var said bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = o.environment(), o.Dir, &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account.Credential()}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make a database in %s: %w: %s", o.data(), err, strings.TrimSpace(said.String()))
	}
	return os.Rename(part, o.data())
}

// fits refuses a server of another version than the data was made by.
func (o PostgresOptions) fits(ctx context.Context, made string) error {
	server := filepath.Join(o.Bin, "postgres")
	said, err := exec.CommandContext(ctx, server, "--version").Output() //nolint:gosec // the caller chooses what runs
	if err != nil {
		return fmt.Errorf("start postgres: %s --version: %w", server, err)
	}
	if version := versionIn(string(said)); strconv.Itoa(version) != made {
		return fmt.Errorf("start postgres: the data in %s was made by Postgres %s, and %s is %d: set %s to the folder of a Postgres %[2]s, or remove %[1]s to begin anew",
			o.Dir, made, server, version, PostgresBinEnv)
	}
	return nil
}

func (o PostgresOptions) passwordFile(account *devcluster.Account) (string, error) {
	file := filepath.Join(o.Dir, "password")
	if err := os.WriteFile(file, []byte(o.Password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("hand initdb the password: %w", err)
	}
	if account != nil {
		if err := os.Chown(file, int(account.UID), int(account.GID)); err != nil {
			return "", fmt.Errorf("hand initdb the password: %w", err)
		}
	}
	return file, nil
}

// environment has none of the variables by which a user's own Postgres is set up.
func (o PostgresOptions) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + o.Dir, "LC_ALL=C", "TZ=UTC"}
}

func (o PostgresOptions) args(port int) []string {
	settings := []string{
		"listen_addresses=" + devcluster.Host,
		// A socket's path may be no longer than about 100 bytes, and the folder can be anywhere.
		"unix_socket_directories=",
		// Of a server that was killed nothing stays behind in /dev/shm.
		"dynamic_shared_memory_type=mmap",
		"max_connections=300", "timezone=UTC", "log_timezone=UTC", "jit=off",
	}
	if o.UnsafeNoFsync {
		// A commit still reaches the system's memory, so that a process that is killed loses none.
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", o.data(), "-p", strconv.Itoa(port)}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

func (p *Postgres) serves(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres", port))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// URL leads to a database of the server, with user and password.
func (p *Postgres) URL(database string) string { return p.url(database, p.Port()) }

func (p *Postgres) url(database string, port int) string {
	u := url.URL{
		Scheme: "postgresql", Path: "/" + database, RawQuery: "sslmode=disable",
		Host: net.JoinHostPort(devcluster.Host, strconv.Itoa(port)), User: url.User(PostgresUser),
	}
	if p.opts.Password != "" {
		u.User = url.UserPassword(PostgresUser, p.opts.Password)
	}
	return u.String()
}

// CreateDatabase makes a database, unless it is there.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	return p.create(ctx, name, "")
}

// CopyDatabase makes a database as a copy of another one that nobody is connected to, unless
// it is there.
func (p *Postgres) CopyDatabase(ctx context.Context, name, from string) error {
	return p.create(ctx, name, " TEMPLATE "+pgx.Identifier{from}.Sanitize())
}

func (p *Postgres) create(ctx context.Context, name, how string) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to be said
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+how); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// Restart stops the server if it runs and starts it again on the same port.
func (p *Postgres) Restart(ctx context.Context) error {
	return p.afterLeftovers(ctx, p.Server.Restart)
}

// leftovers are what a server says that can't start since processes of one that was killed
// are still going.
func leftovers(log string) bool {
	return strings.Contains(log, "is still in use") || strings.Contains(log, "Is another postmaster")
}

// afterLeftovers starts the server, again while processes of one that was killed have not
// noticed yet.
func (p *Postgres) afterLeftovers(ctx context.Context, start func(context.Context) error) error {
	deadline := time.Now().Add(leftoversWithin)
	for {
		err := start(ctx)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) || !leftovers(p.LogTail()) {
			return err
		}
	}
}
