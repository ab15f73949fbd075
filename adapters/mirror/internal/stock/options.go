package stock

import (
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
)

// Dropper takes cached stock levels of products out of a cache that others read. It does not
// wait, and does not fail.
type Dropper interface{ Drop(products ...string) }

// Options of the part of the mirror that brings stock to the database. All are needed but
// Levels, Watch, Database and Log.
type Options struct {
	// Namespace that is mirrored.
	Namespace string
	// Pool of ops_inventory, migrated.
	Pool *pgxpool.Pool
	// Cache of the namespace, made by a cachedclient.Source. It runs, or will.
	Cache cache.Cache
	// Client reads from the API server itself, and writes.
	Client client.Client
	// Levels are told which products changed.
	Levels Dropper
	// Clock that waits are measured by.
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
	return errors.Join(
		missing(o.Namespace == "", "Namespace"),
		missing(o.Pool == nil, "Pool"),
		missing(o.Cache == nil, "Cache"),
		missing(o.Client == nil, "Client"),
		missing(o.Clock == nil, "Clock"),
		missing(o.Registry == nil, "Registry"),
	)
}
