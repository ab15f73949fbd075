package shared

import (
	"testing"
	"time"
)

func TestLimiterGivesBackEvenlyAndForgets(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	l := NewLocal(60, func() time.Time { return now })
	for range 60 {
		if !l.Allow("a").Allowed {
			t.Fatal("a minute's worth is not allowed at once")
		}
	}
	if got := l.Allow("a"); got.Allowed || got.More != time.Second {
		t.Errorf("the next = %+v", got)
	}
	now = now.Add(2 * time.Second)
	if got := l.Allow("a"); !got.Allowed || got.Remaining != 1 {
		t.Errorf("two seconds later = %+v", got)
	}
	now = now.Add(2 * time.Minute)
	l.Allow("b")
	if _, kept := l.buckets["a"]; kept {
		t.Error("an idle client is still remembered")
	}
}

func TestWhatIsGivenBackCanBeTakenAgain(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	l := NewLocal(2, func() time.Time { return now })
	l.Allow("a")
	_, giveBack := l.take("a")
	giveBack()
	if !l.Allow("a").Allowed || l.Allow("a").Allowed {
		t.Error("one was given back, and not one can be taken")
	}
	_, giveBack = l.take("a")
	giveBack()
	if l.Allow("a").Allowed {
		t.Error("what was refused was given back")
	}
}

func TestMoreIsWhenOneMoreIsAllowed(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	l := NewLocal(7, func() time.Time { return now })
	for n := range 40 {
		now = now.Add(time.Duration(n*n%31) * 700 * time.Millisecond)
		said := l.Allow("a")
		left := func(at time.Time) int { return int(l.buckets["a"].TokensAt(at)) }
		want := said.Remaining + 1
		if before := left(now.Add(said.More - time.Millisecond)); before >= want {
			t.Errorf("request %d: %+v, but %d are left before that", n, said, before)
		}
		if after := left(now.Add(said.More + time.Millisecond)); after < want && want <= 7 {
			t.Errorf("request %d: %+v, but only %d are left after that", n, said, after)
		}
	}
}
