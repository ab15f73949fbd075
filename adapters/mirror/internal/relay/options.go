package relay

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// Outbox is one that the relay empties.
type Outbox struct {
	Database postgres.Database
	Pool     *pgxpool.Pool
	Log      outbox.Log
}

// Options of a relay.
type Options struct {
	Outboxes []Outbox
	// Brokers leads to Kafka, as internal/kafka has it.
	Brokers []kgo.Opt
	Clock   clock.Clock
	// Stage tells how far the broker is behind; may be nil.
	Stage   *stage.Stage
	Log     logr.Logger
	Metrics prometheus.Registerer
}

// limits are what a line holds and how long it waits.
type limits struct {
	// rows and bytes are how much of an outbox is in memory at most, and keyRows how much of one key.
	rows, bytes, keyRows int
	// refused is how many keys may be held up before a line waits for them.
	refused int
	// linger is how long an acknowledged row waits for others to be deleted together.
	linger time.Duration
	// poll is how often an outbox is read without having been told of new rows.
	poll time.Duration
	// measure is how often the depth of the outboxes is counted.
	measure time.Duration
	// retry is the first and the longest wait after something failed.
	retry, retryMost time.Duration
	// silence is how long the broker may not acknowledge anything before it is asked why.
	silence time.Duration
	// drain is how long the end of a process waits for what is on its way.
	drain time.Duration
}

func defaultLimits() limits {
	return limits{
		rows: 4096, bytes: 16 << 20, keyRows: 2048, refused: 2048,
		linger: 20 * time.Millisecond, poll: 5 * time.Second, measure: 2 * time.Second,
		retry: time.Second, retryMost: time.Minute, silence: 3 * time.Second, drain: 5 * time.Second,
	}
}

// Relay publishes what outboxes hold.
type Relay struct {
	o       Options
	limits  limits
	metrics *metrics
	// alone is false in tests of several relays that are alive at once.
	alone bool
}

// New makes a relay. It connects to nothing.
func New(o Options) (*Relay, error) {
	if len(o.Outboxes) == 0 {
		return nil, errors.New("relay: no outbox")
	}
	// What is wrong with the brokers' options shows before anything runs.
	client, err := kgo.NewClient(o.Brokers...)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	client.Close()
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return &Relay{o: o, limits: defaultLimits(), metrics: m, alone: true}, nil
}
