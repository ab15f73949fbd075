package stock

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

var start = time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)

func (s *sightings) seqs(most int) (seqs []int64) {
	for _, d := range s.following(most) {
		seqs = append(seqs, d.Seq)
	}
	return seqs
}

func TestOnlyWhatFollowsWithoutAGapIsTold(t *testing.T) {
	s := newSightings(100)
	for _, seq := range []int64{3, 1, 2, 5, 2} {
		s.see(event.Decision{Seq: seq}, true, start)
	}
	if diff := cmp.Diff([]int64{1, 2, 3}, s.seqs(10)); diff != "" {
		t.Errorf("before 4 is seen (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{1, 2}, s.seqs(2)); diff != "" {
		t.Errorf("two at most (-want +got):\n%s", diff)
	}
	s.move(3)
	if got := s.seqs(10); got != nil {
		t.Errorf("while 4 is missing %v follow", got)
	}
	if s.last() != 5 {
		t.Errorf("the last that was seen is %d, want 5", s.last())
	}
	s.see(event.Decision{Seq: 2}, true, start)
	s.see(event.Decision{Seq: 4}, true, start)
	if diff := cmp.Diff([]int64{4, 5}, s.seqs(10)); diff != "" {
		t.Errorf("once 4 is seen (-want +got):\n%s", diff)
	}
	if n, _ := s.waiting(); n != 2 {
		t.Errorf("%d wait, want 2: what is told does not", n)
	}
}

func TestAnObjectSaysMoreThanTheJournal(t *testing.T) {
	s := newSightings(100)
	s.see(event.Decision{Seq: 1}, false, start)
	s.see(event.Decision{Seq: 1, OrderID: "o-1"}, true, start.Add(time.Second))
	s.see(event.Decision{Seq: 1}, false, start.Add(time.Minute))
	got := s.following(1)[0]
	if !got.whole || got.OrderID != "o-1" || !got.at.Equal(start) {
		t.Errorf("got %+v, want what the object said, seen when it was seen first", got)
	}
	if _, oldest := s.waiting(); !oldest.Equal(start) {
		t.Errorf("the oldest waits since %s", oldest)
	}
}

func TestMemoryIsBoundedWhileTheDatabaseIsAway(t *testing.T) {
	v := newView(testClock())
	for seq := int64(1); seq <= 5*window; seq++ {
		v.see(&v1alpha1.StockReservation{
			ObjectMeta: objectMeta(seq), Status: v1alpha1.StockReservationStatus{Phase: v1alpha1.ReservationReserved, History: []v1alpha1.ReservationHistoryEntry{{Seq: seq, Phase: v1alpha1.ReservationReserved}}},
		}, false)
	}
	if n := len(v.seen.byNo); n != window {
		t.Fatalf("%d decisions are kept, want %d", n, window)
	}
	told := int64(0)
	for range 100 * 5 {
		b := v.take(mostDecisions, 0)
		for _, d := range b.decisions {
			if d.Seq != told+1 {
				t.Fatalf("%d follows %d", d.Seq, told)
			}
			told = d.Seq
		}
		v.done(&b, told, nil)
		if n := len(v.seen.byNo); n > window {
			t.Fatalf("%d decisions are kept", n)
		}
	}
	if told != 5*window {
		t.Errorf("told up to %d, want all %d: what was passed over is seen again", told, 5*window)
	}
}

func TestADatabaseThatWentBackIsToldAgain(t *testing.T) {
	v := newView(testClock())
	v.see(&v1alpha1.StockReservation{ObjectMeta: objectMeta(1), Status: v1alpha1.StockReservationStatus{
		Phase: v1alpha1.ReservationCommitted, History: []v1alpha1.ReservationHistoryEntry{{Seq: 6, Phase: v1alpha1.ReservationReserved}, {Seq: 7, Phase: v1alpha1.ReservationCommitted}},
	}}, false)
	v.moved(7)
	if b := v.take(10, 0); len(b.decisions) != 0 {
		t.Fatalf("%d decisions follow the last", len(b.decisions))
	}
	v.moved(5)
	if b := v.take(10, 0); len(b.decisions) != 2 || b.cursor != 5 {
		t.Errorf("from %d on %d follow, want 2 from 5 on", b.cursor, len(b.decisions))
	}
}
