package sending

import (
	"context"
	"maps"
	"slices"
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
		s.places.give(batch)
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

// places hold what is being sent.
type places struct {
	// free has a word when places were given back.
	free chan struct{}
	most int

	mu   sync.Mutex
	held map[uuid.UUID]bool
	all  sync.WaitGroup
}

func (p *places) take(claimed []notificationdb.Claimed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range claimed {
		p.held[claimed[i].ID] = true
	}
	p.all.Add(len(claimed))
}

func (p *places) give(batch []result) {
	p.mu.Lock()
	for i := range batch {
		delete(p.held, batch[i].ID)
	}
	p.mu.Unlock()
	p.all.Add(-len(batch))
	select {
	case p.free <- struct{}{}:
	default: // it is known already
	}
}

func (p *places) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

func (p *places) left() int { return p.most - p.taken() }

// holding are the notifications that are being sent.
func (p *places) holding() []uuid.UUID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.held))
}

// wait returns once nothing is being sent.
func (p *places) wait() { p.all.Wait() }

// life is until when a sender is alive for others, by its own clock: a little less than by the database's, which
// began to count later.
type life struct {
	clock clock.PassiveClock

	mu  sync.Mutex
	end time.Time
	// lapses is how often it was not alive and then was again: others may have taken over what it had before.
	lapses int
}

// until sets the end, and says whether the sender was not alive before.
func (l *life) until(end time.Time) (revived bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if revived = !l.clock.Now().Before(l.end); revived {
		l.lapses++
	}
	l.end = end
	return revived
}

// is says whether the sender is alive, and after how many lapses.
func (l *life) is() (alive bool, lapses int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock.Now().Before(l.end), l.lapses
}

// still says whether the sender is alive, and has been without a lapse since there were so many.
func (l *life) still(lapses int) bool {
	alive, now := l.is()
	return alive && now == lapses
}
