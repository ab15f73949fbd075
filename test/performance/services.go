package performance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/postgres"
)

// services are what Orderplane talks to besides the API server: real servers of a stage's own.
type services struct {
	dir      string // of their data; it goes with them
	postgres *devservices.Postgres
	kafka    *devservices.Kafka
	redis    *devservices.Redis
}

// startServices starts them. With fsync Postgres writes as in production; Kafka leaves that
// to the kernel, as it does by default.
func startServices(ctx context.Context, logDir string, fsync bool) (_ *services, err error) {
	s := &services{}
	// Not within the report's folder: the account Postgres runs as may be shut out of it.
	if s.dir, err = os.MkdirTemp("", "orderplane-bench-"); err != nil {
		return nil, fmt.Errorf("make a folder for services: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := os.Chmod(s.dir, 0o711); err != nil { // another account has to pass through
		return nil, fmt.Errorf("open the folder of services: %w", err)
	}
	if err := s.startPostgres(ctx, logDir, fsync); err != nil {
		return nil, err
	}
	libs, err := devservices.FindKafka()
	if err != nil {
		return nil, err
	}
	s.kafka, err = devservices.StartKafka(ctx, devservices.KafkaOptions{Libs: libs, Dir: filepath.Join(s.dir, "kafka"), LogDir: logDir})
	if err != nil {
		return nil, err
	}
	bin, err := devservices.FindRedis()
	if err != nil {
		return nil, err
	}
	s.redis, err = devservices.StartRedis(ctx, devservices.RedisOptions{Bin: bin, LogDir: logDir})
	return s, err
}

func (s *services) startPostgres(ctx context.Context, logDir string, fsync bool) error {
	bin, err := devservices.FindPostgres()
	if errors.Is(err, devservices.ErrNoPostgres) {
		bin, err = devservices.FetchPostgres(ctx, func(format string, args ...any) { _, _ = fmt.Fprintf(os.Stderr, format+"\n", args...) })
	}
	if err != nil {
		return err
	}
	s.postgres, err = devservices.StartPostgres(ctx, devservices.PostgresOptions{
		Bin: bin, Dir: filepath.Join(s.dir, "postgres"), LogDir: logDir, UnsafeNoFsync: !fsync,
	})
	if err != nil {
		return err
	}
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory, postgres.Notifications} {
		if err := s.postgres.CreateDatabase(ctx, string(db)); err != nil {
			return err
		}
	}
	return nil
}

// environment tells every component of Orderplane where they are, and what is mirrored.
func (s *services) environment() []string {
	env := []string{
		"DB_URL=" + s.postgres.URL("postgres"), "KAFKA_BOOTSTRAP=" + s.kafka.Bootstrap(), "REDIS_ADDR=" + s.redis.Addr(),
		"MIRRORED_NAMESPACES=" + ordersNamespace,
	}
	for _, variable := range os.Environ() { // nothing that leads elsewhere
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "DB_") && !strings.HasPrefix(name, "KAFKA_") && !strings.HasPrefix(name, "REDIS_") {
			env = append(env, variable)
		}
	}
	return env
}

// pids of the services by name.
func (s *services) pids() map[string]int {
	pids := map[string]int{}
	for name, server := range map[string]*devcluster.Server{
		postgresProcess: s.postgres.Server, "kafka": s.kafka.Server, "redis": s.redis.Server,
	} {
		if p := server.Process(); p != nil {
			pids[name] = p.PID()
		}
	}
	return pids
}

// stop ends those that run and removes their data.
func (s *services) stop() error {
	var errs []error
	if s.redis != nil {
		errs = append(errs, s.redis.Stop())
	}
	if s.kafka != nil {
		errs = append(errs, s.kafka.Stop())
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}
