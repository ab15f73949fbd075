package sending

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
)

const (
	// beat is how often a sender says that it is alive, and aliveFor how long that holds: so long what it had
	// waits if it dies.
	beat     = 3 * time.Second
	aliveFor = 12 * time.Second
	// idle is how long a sender waits for a word that there is something new, before it looks by itself.
	idle = 500 * time.Millisecond
	// stopWithin is how long what is being sent may take once the sender has to end.
	stopWithin = 10 * time.Second
)

// Half of the last outageWindow tries failed: the provider is taken to be away, and is tried by one message
// every outageDelay until one gets through.
const (
	outageWindow   = 40
	outageFailures = 20
	outageDelay    = 5 * time.Second
)

// Composer makes the texts of notifications.
type Composer interface {
	// Compose gives a message for each notification, or why there can be none. An error is a database's:
	// it says nothing about the notifications.
	Compose(ctx context.Context, claimed []notificationdb.Claimed) ([]Composed, error)
}

// Composed is a message, or why it could not be made.
type Composed struct {
	Message channel.Message
	Err     error
}

// Options are what a sender needs.
type Options struct {
	Notifications *pgxpool.Pool
	Channel       channel.Channel
	Composer      Composer
	Rules         notification.Rules
	// Places is how many messages are sent at once at most, and Timeout how long each may take.
	Places  int
	Timeout time.Duration
	Clock   clock.WithTicker
	Pulse   *pulse.Pulse
	Log     logr.Logger
	Metrics *Metrics
}

// Sender sends the notifications of one channel. Any number may run, in any number of processes.
type Sender struct {
	Options
	id      uuid.UUID
	news    chan struct{}
	circuit circuitbreaker.CircuitBreaker[any]
	life    life
	// results are of messages that hold a place.
	results chan result
	places  places
}

// result is what became of a message.
type result struct {
	claimed notificationdb.Claimed
	notificationdb.Finished
}

// New makes a sender.
func New(o Options) *Sender {
	return &Sender{
		Options: o, id: uuid.New(), news: make(chan struct{}, 1), results: make(chan result, o.Places),
		circuit: circuitbreaker.NewBuilder[any]().
			WithFailureThresholdRatio(outageFailures, outageWindow).WithDelay(outageDelay).WithSuccessThreshold(1).Build(),
		places: places{free: make(chan struct{}, 1), most: o.Places, held: map[uuid.UUID]bool{}},
		life:   life{clock: o.Clock},
	}
}

// News says that there may be something to send. It does not wait.
func (s *Sender) News() {
	select {
	case s.news <- struct{}{}:
	default: // it knows already
	}
}

// Run sends until ctx is over. What is being sent then gets a moment to end.
func (s *Sender) Run(ctx context.Context) error {
	// Sends and the keeping of their results outlive ctx by a moment.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var kept, beating sync.WaitGroup
	kept.Go(func() { s.keepResults(working) })
	beating.Go(func() { s.beat(working) })
	for ctx.Err() == nil {
		if !s.round(ctx, working) {
			s.rest(ctx, idle)
		}
	}
	ended := make(chan struct{})
	go func() {
		s.places.wait()
		close(s.results)
		kept.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-s.Clock.After(stopWithin):
		s.Log.Info("messages that were being sent are left to others", "messages", s.places.taken())
	}
	leaving, done := context.WithTimeout(working, 2*time.Second)
	defer done()
	if err := notificationdb.Leave(leaving, s.Notifications, s.id); err != nil {
		s.Log.Info("others take over a little later", "error", err.Error())
	}
	stop()
	beating.Wait()
	<-ended
	return nil
}

// round claims and sends once, and says whether there was anything to do.
func (s *Sender) round(ctx, working context.Context) bool {
	limit := s.allowance()
	alive, lapses := s.life.is()
	if limit == 0 || !alive {
		return false
	}
	claimed, err := notificationdb.Claim(ctx, s.Notifications,
		notificationdb.Claimant{Sender: s.id, Channel: s.Channel.Name(), Holding: s.places.holding()}, limit)
	if err != nil {
		s.failed(ctx, err)
		return false
	}
	if len(claimed) == 0 {
		s.Pulse.Succeeded()
		return false
	}
	s.places.take(claimed)
	composed, err := s.Composer.Compose(ctx, claimed)
	if err != nil {
		s.failed(ctx, err)
		for _, c := range claimed {
			s.results <- s.untried(c)
		}
		return false
	}
	s.Pulse.Succeeded()
	for i := range claimed {
		go func() { s.results <- s.send(working, claimed[i], composed[i], lapses) }()
	}
	return true
}

// allowance is how many messages may be claimed.
func (s *Sender) allowance() int {
	free := s.places.left()
	switch {
	case s.circuit.IsClosed():
		return free
	case s.circuit.IsOpen() && s.circuit.RemainingDelay() > 0, s.places.taken() > 0:
		return 0
	default:
		return min(free, 1)
	}
}

// rest waits until there may be something to do.
func (s *Sender) rest(ctx context.Context, longest time.Duration) {
	timer := s.Clock.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	case <-s.news:
	case <-s.places.free:
	}
}

// send sends one message, unless it may be another sender's by now: it was claimed after so many lapses.
func (s *Sender) send(ctx context.Context, claimed notificationdb.Claimed, composed Composed, lapses int) result {
	switch {
	case s.Rules.IsTooOld(claimed.HappenedAt, s.Clock.Now()):
		return s.ended(claimed, notification.Step{Status: notification.Skipped, Reason: notification.TooOld, Attempts: claimed.Attempts}, nil)
	case composed.Err != nil:
		return s.ended(claimed, notification.Step{Status: notification.Failed, Reason: notification.NotRendered, Attempts: claimed.Attempts}, composed.Err)
	case !s.life.still(lapses) || !s.circuit.TryAcquirePermit():
		return s.untried(claimed) // it may be another's by now; or the provider is away
	}
	trial := !s.circuit.IsClosed()
	ctx, stop := context.WithTimeout(ctx, s.Timeout)
	defer stop()
	begun := s.Clock.Now()
	err := s.try(ctx, composed.Message)
	s.Metrics.tried(s.Channel.Name(), s.Clock.Since(begun))
	permanent := channel.IsPermanent(err)
	if err == nil || permanent {
		s.circuit.RecordSuccess()
	} else {
		s.circuit.RecordFailure()
		if trial {
			return s.untried(claimed)
		}
	}
	after, _ := channel.RetryAfter(err)
	return s.ended(claimed, notification.After(claimed.Attempts, notification.Attempt{Err: err, Permanent: permanent, RetryAfter: after}), err)
}

// try sends; what goes wrong in a channel's own code fails one message only.
func (s *Sender) try(ctx context.Context, m channel.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = channel.Permanent(fmt.Errorf("panic in channel %s: %v", s.Channel.Name(), p))
		}
	}()
	return s.Channel.Send(ctx, m)
}

func (s *Sender) ended(claimed notificationdb.Claimed, step notification.Step, err error) result {
	r := result{claimed: claimed, Finished: notificationdb.Finished{ID: claimed.ID, Step: step}}
	if err != nil {
		r.Error = short(err)
	}
	return r
}

// untried gives a notification back as it was, to be sent a little later.
func (s *Sender) untried(claimed notificationdb.Claimed) result {
	return s.ended(claimed, notification.Step{Status: notification.Pending, Attempts: claimed.Attempts, Pause: time.Second}, nil)
}

func short(err error) string {
	const longest = 500
	text := err.Error()
	if len(text) > longest {
		text = text[:longest]
	}
	return text
}

func (s *Sender) failed(ctx context.Context, err error) {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return
	}
	s.Pulse.Failed(err)
	s.Log.Info("sending waits", "channel", s.Channel.Name(), "error", err.Error())
}

// beat says that the sender is alive until ctx is over.
func (s *Sender) beat(ctx context.Context) {
	for ctx.Err() == nil {
		began := s.Clock.Now()
		if err := notificationdb.Alive(ctx, s.Notifications, s.id, aliveFor); err != nil {
			s.failed(ctx, err)
		} else if s.life.until(began.Add(aliveFor)) {
			s.News()
		}
		timer := s.Clock.NewTimer(beat)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
}
