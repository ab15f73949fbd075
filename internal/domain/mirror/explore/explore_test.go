package explore_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/mirror/explore"
)

// jugs of five and three litres.
type jugs struct{ five, three int }

func pour(s *jugs, emit func(string, *jugs)) {
	to, back := min(s.five, 3-s.three), min(s.three, 5-s.five)
	emit("fill 5", &jugs{5, s.three})
	emit("fill 3", &jugs{s.five, 3})
	emit("empty 5", &jugs{0, s.three})
	emit("empty 3", &jugs{s.five, 0})
	emit("5 into 3", &jugs{s.five - to, s.three + to})
	emit("3 into 5", &jugs{s.five + back, s.three - back})
}

func fine(*jugs) string { return "" }

func TestTheShortestWayIsFound(t *testing.T) {
	got := explore.Explore(explore.Model[jugs]{Next: pour, Rest: fine, Broken: func(s *jugs) string {
		if s.five == 4 {
			return fmt.Sprintf("measured 4 beside %d", s.three)
		}
		return ""
	}}, 1000)
	want := []string{"fill 5", "5 into 3", "empty 3", "5 into 3", "fill 5", "5 into 3"}
	if got.Problem != "measured 4 beside 3" || !slices.Equal(got.Trace, want) {
		t.Errorf("found %q by %q, want %q", got.Problem, got.Trace, want)
	}
}

func TestEveryStateIsVisitedOnce(t *testing.T) {
	rested := map[jugs]int{}
	got := explore.Explore(explore.Model[jugs]{Next: pour, Broken: fine, Rest: func(s *jugs) string { rested[*s]++; return "" }}, 1000)
	if got.Problem != "" || got.Incomplete || got.States != 16 || len(rested) != 16 {
		t.Errorf("got %+v and %d states at rest, want all 16", got, len(rested))
	}
	for s, times := range rested {
		if times != 1 {
			t.Errorf("%v was visited %d times", s, times)
		}
	}
}

func TestALimitIsSaid(t *testing.T) {
	if got := explore.Explore(explore.Model[jugs]{Next: pour, Broken: fine, Rest: fine}, 10); !got.Incomplete {
		t.Errorf("10 of 16 states count as all: %+v", got)
	}
}

func TestWhatIsWrongAtRestIsFound(t *testing.T) {
	got := explore.Explore(explore.Model[jugs]{Next: pour, Broken: fine, Rest: func(s *jugs) string {
		if s.three == 1 {
			return "one litre"
		}
		return ""
	}}, 1000)
	if got.Problem != "at rest: one litre" {
		t.Errorf("found %q", got.Problem)
	}
}
