package mirror

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	kube "k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/check"
	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/recovery"
	"github.com/orderplane/orderplane/adapters/mirror/internal/topics"
	"github.com/orderplane/orderplane/internal/postgres"
)

// Tasks are what an operator runs once, beside mirrors or in their place.
type Tasks struct {
	tools *recovery.Tools
	check *check.Check
	pools map[postgres.Database]*pgxpool.Pool
}

// NewTasks prepares tasks for the namespace, databases and brokers of o. What they do is
// written to out, for a person. Close them after use.
func NewTasks(ctx context.Context, o Options, access *kube.Config, out io.Writer) (*Tasks, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("mirror configuration: %w", err)
	}
	_, _, live, err := newLive(access)
	if err != nil {
		return nil, err
	}
	brokers, err := newBrokers(o)
	if err != nil {
		return nil, err
	}
	pools, err := openPools(ctx, o.Postgres)
	if err != nil {
		brokers.Close()
		return nil, err
	}
	world := guard.World{Namespace: o.Namespace, Kube: live, Orders: pools[postgres.Orders], Inventory: pools[postgres.Inventory]}
	consume := func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error) {
		opts, err := o.Kafka.Options()
		if err != nil {
			return nil, err
		}
		// A topic that others write to in transactions may end with a record of the broker's.
		return kgo.NewClient(append(opts, kgo.ConsumePartitions(from), kgo.KeepControlRecords())...)
	}
	reader := topics.Reader{Brokers: brokers, Consume: consume}
	return &Tasks{
		tools: &recovery.Tools{World: world, Brokers: brokers, Topics: reader, Kube: live, Out: out},
		check: &check.Check{World: world, Topics: reader, Out: out, Clock: clock.RealClock{}},
		pools: pools,
	}, nil
}

// Close ends all connections.
func (t *Tasks) Close() {
	for _, pool := range t.pools {
		pool.Close()
	}
	t.tools.Brokers.Close()
}

// Replay queues every event of a topic again, each key in its order (rule 18 of
// docs/design/0015-mirror.md). The mirror that runs, or the next one, publishes them. A
// topic that was deleted is made again, and the mirror goes on with it.
func (t *Tasks) Replay(ctx context.Context, topic string) error { return t.tools.Replay(ctx, topic) }

// Rebuild puts into the databases what the topics have and they lack, so that the mirror that is
// started next tells only what the topics have not (rules 39 and 40). It is refused while a mirror
// runs. One that was stopped has left nothing, and is run again.
func (t *Tasks) Rebuild(ctx context.Context) error { return t.tools.Rebuild(ctx) }

// Check compares the cluster, the databases and the topics with each other, and returns how
// many differences there are. It changes nothing and may run beside a mirror.
func (t *Tasks) Check(ctx context.Context) (differences int, err error) { return t.check.Run(ctx) }

// Uninstall takes the mirror's finalizer and marks off everything in the namespace. It is
// a *Refusal while a mirror runs, and when somebody puts the finalizer back. It may be
// run any number of times.
func (t *Tasks) Uninstall(ctx context.Context) error { return t.tools.Uninstall(ctx) }
