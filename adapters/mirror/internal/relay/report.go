package relay

import (
	"fmt"
	"sync"
	"time"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// report is what the lines of a relay say together about the stage.
type report struct {
	stage   *stage.Stage
	metrics *metrics

	mu    sync.Mutex
	held  map[postgres.Database]error
	depth map[postgres.Database]outbox.Depth
}

func newReport(s *stage.Stage, m *metrics) *report {
	return &report{stage: s, metrics: m, held: map[postgres.Database]error{}, depth: map[postgres.Database]outbox.Depth{}}
}

// works says that database and broker do. It is not well all the same while a key is held up.
func (r *report) works() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.held) == 0 {
		r.stage.Succeeded()
	}
}

func (r *report) failed(err error) { r.stage.Failed(err) }

// heldUp says how many keys of a database are, and why one of them is.
func (r *report) heldUp(db postgres.Database, keys int, why error) {
	r.metrics.heldUp.WithLabelValues(string(db)).Set(float64(keys))
	r.mu.Lock()
	defer r.mu.Unlock()
	if keys == 0 {
		delete(r.held, db)
		return
	}
	r.held[db] = why
	r.stage.Failed(fmt.Errorf("%s: %d keys are held up: %w", db, keys, why))
}

// waiting says how much an outbox holds.
func (r *report) waiting(db postgres.Database, d outbox.Depth, now time.Time) {
	r.metrics.rows.WithLabelValues(string(db)).Set(float64(d.Rows))
	age := 0.0
	if d.Rows > 0 {
		age = max(0, now.Sub(d.Oldest).Seconds())
	}
	r.metrics.oldest.WithLabelValues(string(db)).Set(age)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.depth[db] = d
	rows, oldest := int64(0), time.Time{}
	for _, d := range r.depth {
		rows += d.Rows
		if d.Rows > 0 && (oldest.IsZero() || d.Oldest.Before(oldest)) {
			oldest = d.Oldest
		}
	}
	r.stage.Waiting(int(rows), oldest)
}
