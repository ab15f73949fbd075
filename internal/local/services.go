package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/postgres"
)

// services are what stands beside the cluster: Postgres, Kafka, Redis and a mail server. What the
// environment names is used; what it does not name is started.
type services struct {
	opts  Options
	say   func(format string, args ...any)
	ports rememberedPorts

	postgres *devservices.Postgres      // nil when the environment names another
	kafka    *devservices.EmbeddedKafka // nil when the environment names another
	redis    *devservices.Redis         // nil when the environment names another, or embedded is there
	embedded *devservices.EmbeddedRedis // nil when redis is there, or the environment names another
	mail     *devservices.MailSink      // nil when the environment names another, or nobody sends mails
	psql     string                     // the folder that has it; empty when there is none
}

func newServices(o Options, say func(format string, args ...any)) *services {
	return &services{opts: o, say: say, ports: o.lastPorts()}
}

// Groups of variables, by the prefix that all settings of a service have in common.
const (
	ofPostgres = "DB_"
	ofKafka    = "KAFKA_"
	ofRedis    = "REDIS_"
	ofMail     = "SMTP_"
)

// named are the variables by which each service can be named.
func named(group string) []string {
	switch group {
	case ofPostgres:
		return []string{"DB_URL", "DB_URL_ORDERS", "DB_URL_INVENTORY", "DB_URL_NOTIFICATIONS"}
	case ofKafka:
		return []string{"KAFKA_BOOTSTRAP"}
	case ofMail:
		return []string{"SMTP_HOST", "MAIL_DIR"}
	default:
		return []string{"REDIS_ADDR", "REDIS_HOST"}
	}
}

// given are the variables of the environment that name a service elsewhere. Those that lead to
// the port that this stack's own had in the run before came out of its env file, and name none.
func (s *services) given(group string, port int) []export {
	var given []export
	for _, name := range named(group) {
		value, ok := lookup(s.opts.Environ, name)
		if !ok || value == "" {
			continue
		}
		if port != 0 && strings.Contains(value, address(port)) {
			return nil
		}
		given = append(given, export{name, value})
	}
	return given
}

func lookup(environ []string, name string) (string, bool) {
	for _, variable := range environ {
		if key, value, _ := strings.Cut(variable, "="); key == name {
			return value, true
		}
	}
	return "", false
}

func address(port int) string { return net.JoinHostPort(devcluster.Host, strconv.Itoa(port)) }

// start runs what the environment does not name.
func (s *services) start(ctx context.Context) error {
	free := s.ports.free()
	group, ctx := errgroup.WithContext(ctx)
	if len(s.given(ofPostgres, s.ports.Postgres)) == 0 {
		group.Go(func() error { return s.startPostgres(ctx, free.Postgres) })
	}
	if len(s.given(ofKafka, s.ports.Kafka)) == 0 {
		group.Go(func() error { return s.startKafka(free.Kafka) })
	}
	if len(s.given(ofRedis, s.ports.Redis)) == 0 {
		group.Go(func() error { return s.startRedis(ctx, free.Redis) })
	}
	if s.opts.Mirror && len(s.given(ofMail, 0)) == 0 {
		group.Go(s.startMail)
	}
	return group.Wait()
}

func (s *services) startMail() (err error) {
	s.mail, err = devservices.StartMailSink(s.mailFolder(), 0)
	return err
}

// mailFolder has the mails that the notifier sent.
func (s *services) mailFolder() string { return s.opts.path("mails") }

func (s *services) startPostgres(ctx context.Context, port int) error {
	bin, err := devservices.FindPostgres()
	if errors.Is(err, devservices.ErrNoPostgres) {
		bin, err = devservices.FetchPostgres(ctx, s.say)
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(bin, "psql")); err == nil {
		s.psql = bin
	}
	password, err := openPassword(s.opts.path("postgres-password"))
	if err != nil {
		return err
	}
	link := s.opts.path("postgres")
	dir, err := devservices.ReachableDir(link)
	if err != nil {
		return err
	}
	if dir != link {
		s.say("Postgres does not run as root, and its account can't reach %s: its data is in %s", s.opts.Dir, dir)
	}
	p, err := devservices.StartPostgres(ctx, devservices.PostgresOptions{
		Bin: bin, Dir: dir, LogDir: s.opts.path("log"), Port: port, Password: password,
	})
	if err != nil {
		return err
	}
	s.postgres = p
	for _, db := range postgres.Databases() {
		if err := p.CreateDatabase(ctx, string(db)); err != nil {
			return err
		}
	}
	return nil
}

func (s *services) startKafka(port int) (err error) {
	s.kafka, err = devservices.StartEmbeddedKafka(devservices.EmbeddedKafkaOptions{Dir: s.opts.path("kafka"), Port: port})
	return err
}

func (s *services) startRedis(ctx context.Context, port int) error {
	bin, err := devservices.FindRedis()
	if err != nil {
		s.embedded, err = devservices.StartEmbeddedRedis(port)
		return err
	}
	s.redis, err = devservices.StartRedis(ctx, devservices.RedisOptions{Bin: bin, LogDir: s.opts.path("log"), Port: port})
	return err
}

// components are the processes among what was started here.
func (s *services) components() []*devcluster.Component {
	var components []*devcluster.Component
	if s.postgres != nil {
		components = append(components, s.postgres.Component)
	}
	if s.redis != nil {
		components = append(components, s.redis.Component)
	}
	return components
}

// stop ends what was started here, once nothing uses it any more.
func (s *services) stop() error {
	var errs []error
	for _, c := range s.components() {
		errs = append(errs, c.Stop())
	}
	if s.kafka != nil {
		s.kafka.Stop()
	}
	if s.embedded != nil {
		s.embedded.Stop()
	}
	if s.mail != nil {
		s.mail.Stop()
	}
	return errors.Join(errs...)
}

// openPassword finds the password of the databases in a file, or makes one.
func openPassword(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the password of the databases: %w", err)
	}
	password := rand.Text()
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the password of the databases: %w", err)
	}
	return password, nil
}

// own are the ports of what was started here, and of what the run before had besides.
func (s *services) own() rememberedPorts {
	ports := s.ports
	if s.postgres != nil {
		ports.Postgres = s.postgres.Port()
	}
	if s.kafka != nil {
		ports.Kafka = s.kafka.Port()
	}
	if port := s.redisPort(); port != 0 {
		ports.Redis = port
	}
	return ports
}

// exports say to a client where the services are.
func (s *services) exports() []export {
	var exports []export
	if s.postgres == nil {
		exports = append(exports, s.given(ofPostgres, s.ports.Postgres)...)
	} else {
		exports = append(exports,
			export{"DB_URL_ORDERS", s.postgres.URL(string(postgres.Orders))},
			export{"DB_URL_INVENTORY", s.postgres.URL(string(postgres.Inventory))},
			export{"DB_URL_NOTIFICATIONS", s.postgres.URL(string(postgres.Notifications))})
	}
	if s.kafka == nil {
		exports = append(exports, s.given(ofKafka, s.ports.Kafka)...)
	} else {
		exports = append(exports, export{"KAFKA_BOOTSTRAP", s.kafka.Bootstrap()})
	}
	port := s.redisPort()
	if port == 0 {
		return append(exports, s.given(ofRedis, s.ports.Redis)...)
	}
	return append(exports,
		export{"REDIS_ADDR", address(port)},
		export{"REDIS_HOST", devcluster.Host},
		export{"REDIS_PORT", strconv.Itoa(port)})
}

// redisPort is the port of the Redis that was started here, 0 when none was.
func (s *services) redisPort() int {
	switch {
	case s.redis != nil:
		return s.redis.Port()
	case s.embedded != nil:
		return s.embedded.Port()
	}
	return 0
}

// redisIs says in a few words what Redis there is.
func (s *services) redisIs() string {
	switch {
	case s.redis != nil:
		return "the machine's redis-server"
	case s.embedded != nil:
		return "an embedded one (miniredis), for want of redis-server on this machine"
	}
	return "the one that the environment names"
}

// environment is what the components run with: the stack's own, without the settings of a
// service that was started here, and with where it is.
func (s *services) environment() []string {
	started := map[string]bool{ofPostgres: s.postgres != nil, ofKafka: s.kafka != nil, ofRedis: s.redisPort() != 0, ofMail: s.mail != nil}
	var environ []string
	for _, variable := range s.opts.Environ {
		overruled := false
		for group, ours := range started {
			overruled = overruled || ours && strings.HasPrefix(variable, group)
		}
		if !overruled {
			environ = append(environ, variable)
		}
	}
	for _, e := range s.exports() {
		environ = append(environ, e.name+"="+e.value)
	}
	if s.mail != nil {
		environ = append(environ, "SMTP_HOST="+devcluster.Host, "SMTP_PORT="+strconv.Itoa(s.mail.Port()), "SMTP_TLS=none")
	}
	return environ
}
