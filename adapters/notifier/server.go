package notifier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/adapters/notifier/internal/intake"
	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
	"github.com/orderplane/orderplane/adapters/notifier/internal/sending"
	"github.com/orderplane/orderplane/adapters/notifier/internal/telling"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/postgres"
)

// Names of the parts, as health and metrics show them. A sender has the name of its channel behind it.
const (
	intakePart  = "intake"
	tellingPart = "telling"
	storePart   = "retention"
	sendingPart = "sending-"
)

// Server is a notifier.
type Server struct {
	opts                  Options
	deps                  Deps
	outlets               outlets
	orders, notifications *pgxpool.Pool
	broker                *kgo.Client
	intake                *intake.Consumer
	senders               []*sending.Sender
	teller                *telling.Teller
	keeper                *keeper
	pulses                *pulse.Set
	// handler serves health and metrics.
	handler http.Handler
}

// New returns a notifier that is not running yet. None of what it depends on need be there. The values of ctx
// go to what it opens; its end does not.
func New(ctx context.Context, o Options, deps Deps) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("notifier configuration: %w", err)
	}
	o.Channels.Mail.Kept = o.Concurrency
	channels, err := channel.New(o.Channels)
	if err != nil {
		return nil, fmt.Errorf("notifier configuration: %w", err)
	}
	renderer, problems := render.New(o.Templates)
	for _, problem := range problems {
		deps.Log.Error(problem, "a text of NOTIFY_TEMPLATES can't be used; the built-in one is")
	}
	return newServer(ctx, o, deps, outlets{channels: slices.Collect(maps.Values(channels)), renderer: renderer})
}

// outlets are what texts are made by, and go out through.
type outlets struct {
	channels []channel.Channel
	renderer Renderer
}

func newServer(ctx context.Context, o Options, deps Deps, out outlets) (*Server, error) {
	s := &Server{opts: o, deps: deps, outlets: out}
	if err := s.open(context.WithoutCancel(ctx)); err != nil {
		s.close()
		return nil, err
	}
	if err := s.build(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open makes the connections, none of which is used yet.
func (s *Server) open(ctx context.Context) (err error) {
	if s.orders, err = postgres.Open(ctx, s.opts.Postgres, postgres.Orders); err != nil {
		return err
	}
	if s.notifications, err = postgres.Open(ctx, s.opts.Postgres, postgres.Notifications); err != nil {
		return err
	}
	opts, err := s.opts.Kafka.Options()
	if err != nil {
		return err
	}
	// Who asks whether a broker is there wants to know it soon, and asks again.
	if s.broker, err = kgo.NewClient(append(opts, kgo.RequestRetries(1), kgo.RetryTimeout(5*time.Second))...); err != nil {
		return fmt.Errorf("make the Kafka client: %w", err)
	}
	return nil
}

// build makes the parts.
func (s *Server) build() (err error) {
	rules := notification.Rules{PushTo: s.opts.Channels.Push.URL, MaxAge: s.opts.MaxAge}
	parts := []string{intakePart, tellingPart, storePart}
	for _, c := range s.outlets.channels {
		rules.On, parts = append(rules.On, c.Name()), append(parts, partOf(c.Name()))
	}
	s.pulses = pulse.NewSet(s.deps.Clock, parts...)
	if err := s.pulses.Register(s.deps.Metrics); err != nil {
		return err
	}
	if s.intake, err = intake.New(intake.Options{
		Kafka: s.opts.Kafka, Orders: s.orders, Notifications: s.notifications, Rules: rules, Recorded: s.news,
		Clock: s.deps.Clock, Pulse: s.pulses.Of(intakePart), Log: s.deps.Log.WithName(intakePart), Registry: s.deps.Metrics,
	}); err != nil {
		return err
	}
	if s.teller, err = telling.New(telling.Options{
		Orders: s.orders, Notifications: s.notifications, Broker: s.broker, Group: intake.Group,
		Clock: s.deps.Clock, Pulse: s.pulses.Of(tellingPart), Log: s.deps.Log.WithName(tellingPart), Registry: s.deps.Metrics,
	}); err != nil {
		return err
	}
	if err := s.addSenders(rules); err != nil {
		return err
	}
	s.keeper = &keeper{
		db: s.notifications, retention: s.opts.Retention, clock: s.deps.Clock,
		pulse: s.pulses.Of(storePart), log: s.deps.Log.WithName(storePart),
	}
	if err := s.keeper.register(s.deps.Metrics); err != nil {
		return err
	}
	s.handler = s.newHandler()
	return nil
}

func partOf(c v1alpha1.NotificationChannel) string { return sendingPart + string(c) }

func (s *Server) addSenders(rules notification.Rules) error {
	counts, err := sending.NewMetrics(s.deps.Metrics, rules.On...)
	if err != nil {
		return err
	}
	for _, c := range s.outlets.channels {
		part := partOf(c.Name())
		s.senders = append(s.senders, sending.New(sending.Options{
			Notifications: s.notifications, Channel: c, Composer: &composer{orders: s.orders, renderer: s.outlets.renderer}, Rules: rules,
			Places: s.opts.Concurrency, Timeout: s.opts.SendTimeout, Clock: s.deps.Clock,
			Pulse: s.pulses.Of(part), Log: s.deps.Log.WithName(part), Metrics: counts,
		}))
	}
	return nil
}

// news tells every sender that there may be something to send.
func (s *Server) news() {
	for _, sender := range s.senders {
		sender.News()
	}
}

// Run notifies until ctx ends. It fails when only a person can mend what keeps it from going on: an edited
// migration, a topic with another number of partitions. Everything else it waits for.
func (s *Server) Run(ctx context.Context) error {
	address := net.JoinHostPort(s.opts.BindAddress, strconv.Itoa(s.opts.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		s.close()
		return fmt.Errorf("listen on %s (HTTP_PORT): %w", address, err)
	}
	return s.Serve(ctx, listener)
}

// Serve is Run with health and metrics on a listener of the caller's, which it closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.close()
	s.deps.Log.Info("notifier is listening", "address", listener.Addr().String())
	running, within := errgroup.WithContext(ctx)
	running.Go(func() error { return health.Serve(within, listener, s.handler) })
	running.Go(func() error {
		if err := s.keeper.migrate(within); err != nil {
			return err
		}
		running.Go(func() error { return s.keeper.run(within) })
		running.Go(func() error { return s.intake.Run(within) })
		running.Go(func() error { return s.teller.Run(within) })
		for _, sender := range s.senders {
			running.Go(func() error { return sender.Run(within) })
		}
		return nil
	})
	err := running.Wait()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}

func (s *Server) close() {
	for _, pool := range []*pgxpool.Pool{s.orders, s.notifications} {
		if pool != nil {
			pool.Close()
		}
	}
	if s.broker != nil {
		s.broker.Close()
	}
}
