package stock

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// sighting is a decision that was seen. It is whole when it is known what only the object can
// say: its order and its trace.
type sighting struct {
	event.Decision

	whole bool
	at    time.Time
}

// sightings are the decisions beyond the cursor that were seen, of the next window numbers.
// What lies farther ahead is not kept: it is found again when its turn comes. So memory is
// bounded however long the database is away.
type sightings struct {
	window int64
	cursor int64
	byNo   map[int64]*sighting
	// passedOver is true once a decision was seen and not kept.
	passedOver bool
}

func newSightings(window int64) *sightings {
	return &sightings{window: window, byNo: map[int64]*sighting{}}
}

// inJournal takes what the journal has.
func (s *sightings) inJournal(j *v1alpha1.StockJournal, now time.Time) {
	if cachedclient.IsSetAside(j) {
		return
	}
	for i := range j.Status.Entries {
		if e := &j.Status.Entries[i]; e.Seq > s.cursor {
			s.see(event.DecisionOfEntry(e), false, now)
		}
	}
}

// onReservation takes what a reservation shows.
func (s *sightings) onReservation(r *v1alpha1.StockReservation, now time.Time) {
	if cachedclient.IsSetAside(r) || stock.ToldReservation(r, s.cursor) {
		return
	}
	for _, d := range event.DecisionsOfReservation(r) {
		s.see(d, true, now)
	}
}

// onDocument takes what a stock document shows.
func (s *sightings) onDocument(d *v1alpha1.StockAdjustment, now time.Time) {
	if cachedclient.IsSetAside(d) || stock.ToldDocument(d, s.cursor) {
		return
	}
	if decision, ok := event.DecisionOfDocument(d); ok {
		s.see(decision, true, now)
	}
}

func (s *sightings) see(d event.Decision, whole bool, now time.Time) {
	switch seen := s.byNo[d.Seq]; {
	case d.Seq <= s.cursor:
	case d.Seq > s.cursor+s.window:
		s.passedOver = true
	case seen == nil:
		s.byNo[d.Seq] = &sighting{d, whole, now}
	case whole && !seen.whole:
		seen.Decision, seen.whole = d, true
	}
}

// move sets the cursor. It reports whether decisions have to be seen again: it went back, or
// some were passed over that are within reach now.
func (s *sightings) move(cursor int64) (again bool) {
	again = cursor < s.cursor || s.passedOver && len(s.byNo) == 0
	if cursor-s.cursor > int64(len(s.byNo)) {
		for seq := range s.byNo {
			if seq <= cursor {
				delete(s.byNo, seq)
			}
		}
	} else {
		for seq := s.cursor + 1; seq <= cursor; seq++ {
			delete(s.byNo, seq)
		}
	}
	again = again || s.passedOver && len(s.byNo) == 0
	s.cursor = cursor
	if again {
		s.passedOver = false
	}
	return again
}

// following are the decisions that follow the cursor without a gap, at most most.
func (s *sightings) following(most int) []sighting {
	var run []sighting
	for cursor := s.cursor; len(run) < most; cursor++ {
		next := s.byNo[cursor+1]
		if next == nil || !stock.Follows(cursor, next.Seq) {
			break
		}
		run = append(run, *next)
	}
	return run
}

// waiting is how many decisions were seen, and when the first of them was.
func (s *sightings) waiting() (n int, oldest time.Time) {
	if len(s.byNo) == 0 {
		return 0, time.Time{}
	}
	if next := s.byNo[s.cursor+1]; next != nil {
		return len(s.byNo), next.at
	}
	for _, seen := range s.byNo {
		if oldest.IsZero() || seen.at.Before(oldest) {
			oldest = seen.at
		}
	}
	return len(s.byNo), oldest
}

// last is the highest number that was seen; the cursor when none was.
func (s *sightings) last() int64 {
	last := s.cursor
	for seq := range s.byNo {
		last = max(last, seq)
	}
	return last
}
