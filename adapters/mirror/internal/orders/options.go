package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
)

// Options of the part of the mirror that brings orders to the database. All are needed but
// Recorder, Watch, Database and Log.
type Options struct {
	// Namespace that is mirrored.
	Namespace string
	// Pool of ops_orders, migrated.
	Pool *pgxpool.Pool
	// Cache of the namespace, made by a cachedclient.Source. It runs, or will.
	Cache cache.Cache
	// Client reads from the API server itself, and writes.
	Client client.Client
	// Told says whether the stock decision of a number, and all before it, are told.
	Told func(ctx context.Context, journalSeq int64) (bool, error)
	// ArchiveDelay is how long a finished order stays as it is in the database before it leaves the
	// cluster: longer than the age of any backup one would go back to, and in production never
	// less than orders.LeastArchiveDelay.
	ArchiveDelay time.Duration
	// Recorder tells people why an order was refused.
	Recorder events.EventRecorder
	// Clock that delays are measured by.
	Clock clock.WithTicker
	// Watch and Database are the stages that are reported to.
	Watch, Database *stage.Stage
	Log             logr.Logger
	// Registry gets the metrics.
	Registry prometheus.Registerer
}

func (o *Options) validate() error {
	missing := func(isMissing bool, what string) error {
		if isMissing {
			return fmt.Errorf("%s is missing", what)
		}
		return nil
	}
	err := errors.Join(
		missing(o.Namespace == "", "Namespace"),
		missing(o.Pool == nil, "Pool"),
		missing(o.Cache == nil, "Cache"),
		missing(o.Client == nil, "Client"),
		missing(o.Told == nil, "Told"),
		missing(o.Clock == nil, "Clock"),
		missing(o.Registry == nil, "Registry"),
	)
	if o.ArchiveDelay <= 0 {
		err = errors.Join(err, fmt.Errorf("ArchiveDelay is %s; an order that leaves at once may be gone before it is in a backup", o.ArchiveDelay))
	}
	return err
}
