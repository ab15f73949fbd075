package mirror

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/validation"
	kube "k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/redis"
)

// shortestArchiveDelay is rule 26's: a gateway that asked for an order before its row was
// there has created it by then, or given up.
const shortestArchiveDelay = 10 * time.Minute

// Accept is what an operator has decided after the mirror refused to start.
type Accept = guard.Accept

// Refusal is why a mirror does not start, or stops, until a person has decided.
type Refusal = guard.Refusal

// Options say what a mirror serves and where it tells it.
type Options struct {
	// Namespace that is mirrored. A mirror serves one.
	Namespace string
	// BindAddress and Port are where health and metrics are served. Port 0 is any free one.
	BindAddress string
	Port        int
	Postgres    postgres.Config
	Kafka       kafka.Config
	// Redis is the cache whose stock levels are dropped on change.
	Redis redis.Config
	// ArchiveDelay is how long a finished order stays unchanged in Postgres before it may
	// leave the cluster: longer than the age of any backup one would go back to.
	ArchiveDelay time.Duration
	Accept       Accept
}

// DefaultOptions work on a developer's machine.
func DefaultOptions() Options {
	return Options{
		Namespace:    "default",
		Port:         8084,
		Postgres:     postgres.DefaultConfig(),
		Kafka:        kafka.DefaultConfig(),
		Redis:        redis.DefaultConfig(),
		ArchiveDelay: 24 * time.Hour,
	}
}

// Validate tells all that can't work, each by the variable that sets it.
func (o *Options) Validate() error {
	var errs []error
	if problems := validation.IsDNS1123Label(o.Namespace); len(problems) > 0 {
		errs = append(errs, fmt.Errorf("ORDERS_NAMESPACE: %q is no namespace: %s", o.Namespace, problems[0]))
	}
	if o.Port < 0 || o.Port > 65535 {
		errs = append(errs, fmt.Errorf("HTTP_PORT: %d is no port; use 0 (any free one) to 65535", o.Port))
	}
	if o.ArchiveDelay < shortestArchiveDelay {
		errs = append(errs, fmt.Errorf("ARCHIVE_DELAY: %s is too short; use %s or more", o.ArchiveDelay, shortestArchiveDelay))
	}
	return errors.Join(append(errs, o.Postgres.Validate(), o.Kafka.Validate(), o.Redis.Validate())...)
}

// Metrics is a registry: what the mirror counts goes in, /metrics shows everything in it.
type Metrics interface {
	prometheus.Registerer
	prometheus.Gatherer
}

// Deps are what a mirror needs from the outside.
type Deps struct {
	// Kube is access to the API server, as the role orderplane-mirror has it.
	Kube    *kube.Config
	Log     logr.Logger
	Metrics Metrics
	Clock   clock.WithTicker
}
