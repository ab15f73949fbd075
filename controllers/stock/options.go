package stock

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/orderplane/orderplane/internal/domain/mirror"
)

// Options of the stock controller. The zero value of a field means its default.
type Options struct {
	// Namespaces decided at the same time. 8 by default.
	Namespaces int
	// Writers is how many effects of one namespace are written at the same
	// time. 16 by default.
	Writers int
	// MaxBatch is how many decisions go into the journal with one write, at
	// most 256. 64 by default.
	MaxBatch int
	// ProjectionInterval is how often the status of one item is refreshed for
	// people, at most. 1 s by default.
	ProjectionInterval time.Duration
	// AuditInterval is how often objects and memory are compared. 1 h by default.
	AuditInterval time.Duration
	// Holder names this process in the journal. Host name and pid by default.
	Holder string
	// Clock tells what time it is, to decisions and to whatever is paced: batches, retries,
	// projections, audits. The real one by default.
	Clock clock.WithTicker
	// Registerer takes the metrics. controller-runtime's registry by default.
	Registerer prometheus.Registerer
	// Mirrored are the namespaces whose items get the mirror's finalizer.
	Mirrored mirror.Namespaces
}

func (o *Options) complete() error {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Namespaces, 8)
	def(&o.Writers, 16)
	def(&o.MaxBatch, 64)
	if o.ProjectionInterval == 0 {
		o.ProjectionInterval = time.Second
	}
	if o.AuditInterval == 0 {
		o.AuditInterval = time.Hour
	}
	if o.Holder == "" {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		o.Holder = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Registerer == nil {
		o.Registerer = metrics.Registry
	}
	if o.Namespaces < 0 || o.Writers < 0 || o.MaxBatch < 0 || o.MaxBatch > 256 {
		return errors.New("stock controller: Namespaces, Writers and MaxBatch must be positive, MaxBatch at most 256")
	}
	return nil
}
