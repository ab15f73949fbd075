package sending

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
)

// keepResults keeps what became of messages, many at a time, until there are no more. Once ctx is over it
// only empties the places.
func (s *Sender) keepResults(ctx context.Context) {
	for first := range s.results {
		batch := []result{first}
		for more := true; more && len(batch) < s.Places; {
			select {
			case r, open := <-s.results:
				if more = open; open {
					batch = append(batch, r)
				}
			default:
				more = false
			}
		}
		s.keep(ctx, batch)
		s.places.give(len(batch))
	}
}

// keep commits results, however long that takes: what was sent and is not kept would be sent again.
func (s *Sender) keep(ctx context.Context, batch []result) {
	finished := make([]notificationdb.Finished, len(batch))
	for i, r := range batch {
		finished[i] = r.Finished
		finished[i].Error = strings.ToValidUTF8(strings.ReplaceAll(r.Error, "\x00", "?"), "?")
	}
	for pause := 100 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 5*time.Second) {
		kept, err := notificationdb.Finish(ctx, s.Notifications, s.id, finished)
		if err == nil {
			s.tell(batch, kept)
			return
		}
		s.failed(ctx, err)
		timer := s.Clock.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
}

// tell logs and counts what was kept.
func (s *Sender) tell(batch []result, kept []uuid.UUID) {
	mine := make(map[uuid.UUID]bool, len(kept))
	for _, id := range kept {
		mine[id] = true
	}
	for _, r := range batch {
		if !mine[r.ID] {
			s.Metrics.late(s.Channel.Name())
			s.Log.Info("a message's result came too late to be kept; it may be sent twice",
				"notification", r.ID, "order", r.claimed.OrderID, "traceId", r.claimed.TraceID, "status", r.Status)
			continue
		}
		if r.Status == notification.Pending {
			if r.Attempts > r.claimed.Attempts {
				s.Metrics.retried(s.Channel.Name())
			}
			continue
		}
		s.Metrics.ended(s.Channel.Name(), r.Status)
		s.Log.Info("a notification is at its end", "notification", r.ID, "order", r.claimed.OrderID, "channel", s.Channel.Name(),
			"template", r.claimed.Template, "status", r.Status, "reason", r.Reason, "attempts", r.Attempts, "error", r.Error, "traceId", r.claimed.TraceID)
	}
}

// places count what is being sent.
type places struct {
	// free has a word when places were given back.
	free chan struct{}
	most int

	mu   sync.Mutex
	used int
	all  sync.WaitGroup
}

func (p *places) take(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used += n
	p.all.Add(n)
}

func (p *places) give(n int) {
	p.mu.Lock()
	p.used -= n
	p.mu.Unlock()
	p.all.Add(-n)
	select {
	case p.free <- struct{}{}:
	default: // it is known already
	}
}

func (p *places) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

func (p *places) left() int { return p.most - p.taken() }

// wait returns once nothing is being sent.
func (p *places) wait() { p.all.Wait() }

// life is until when a sender is alive for others, by its own clock: a little less than by the database's, which
// began to count later.
type life struct {
	clock clock.PassiveClock

	mu  sync.Mutex
	end time.Time
}

// until sets the end, and says whether the sender was not alive before.
func (l *life) until(end time.Time) (revived bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	revived = !l.clock.Now().Before(l.end)
	l.end = end
	return revived
}

func (l *life) is() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock.Now().Before(l.end)
}
