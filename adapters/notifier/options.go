package notifier

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
)

// mostPlaces bounds what a sender holds in memory.
const mostPlaces = 1000

// Options say where a notifier reads and how it sends.
type Options struct {
	// BindAddress and Port are where health and metrics are served. Port 0 is any free one.
	BindAddress string
	Port        int
	Postgres    postgres.Config
	Kafka       kafka.Config
	// Channels are the providers. A channel without one is off.
	Channels channel.Config
	// Templates is a folder with texts that take the place of the built-in ones; none when empty.
	Templates string
	// MaxAge is how long ago something may have happened that a customer is still told of, and Retention how
	// long notifications are kept, which is longer.
	MaxAge, Retention time.Duration
	// Concurrency is how many messages of a channel are sent at once at most, and SendTimeout how long each
	// may take.
	Concurrency int
	SendTimeout time.Duration
}

// DefaultOptions work on a developer's machine.
func DefaultOptions() Options {
	return Options{
		Port: 8083, Postgres: postgres.DefaultConfig(), Kafka: kafka.DefaultConfig(), Channels: channel.DefaultConfig(),
		MaxAge: 24 * time.Hour, Retention: 90 * 24 * time.Hour, Concurrency: 32, SendTimeout: 5 * time.Minute,
	}
}

// Validate tells all that can't work, each by the variable that sets it.
func (o *Options) Validate() error {
	var errs []error
	if o.Port < 0 || o.Port > 65535 {
		errs = append(errs, fmt.Errorf("HTTP_PORT: %d is no port; use 0 (any free one) to 65535", o.Port))
	}
	if o.MaxAge <= 0 {
		errs = append(errs, fmt.Errorf("NOTIFY_MAX_AGE: %s; use a time above zero, such as 24h", o.MaxAge))
	}
	if o.Retention < 2*o.MaxAge {
		errs = append(errs, fmt.Errorf("NOTIFY_RETENTION: %s is less than twice NOTIFY_MAX_AGE (%s): what was forgotten so soon might be told again", o.Retention, o.MaxAge))
	}
	if o.Concurrency < 1 || o.Concurrency > mostPlaces {
		errs = append(errs, fmt.Errorf("NOTIFY_CONCURRENCY: %d; use 1 to %d", o.Concurrency, mostPlaces))
	}
	if o.SendTimeout < time.Second || o.SendTimeout > 5*time.Minute {
		errs = append(errs, fmt.Errorf("NOTIFY_SEND_TIMEOUT: %s; use 1s to 5m", o.SendTimeout))
	}
	return errors.Join(append(errs, o.Postgres.Validate(), o.Kafka.Validate(), o.Channels.Validate())...)
}

// Metrics is a registry: what the notifier counts goes in, /metrics shows everything in it.
type Metrics interface {
	prometheus.Registerer
	prometheus.Gatherer
}

// Deps are what a notifier needs from the outside.
type Deps struct {
	Log     logr.Logger
	Metrics Metrics
	Clock   clock.WithTicker
}
