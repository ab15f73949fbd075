package performance

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderplane/orderplane/internal/domain/event"
)

func newListener() *listener { return &listener{told: map[string]told{}, more: make(chan struct{})} }

func TestLagIsUntilAConsumerHasTheFirstRecord(t *testing.T) {
	start := time.Now()
	after := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	l := newListener()
	l.see(string(event.OrderCreated), "a", after(40))
	l.see(string(event.OrderConfirmed), "a", after(130))
	l.see(string(event.OrderCreated), "a", after(900)) // a relay may repeat
	l.see(string(event.OrderCancelled), "b", after(2000))
	w := window{begin: start, end: after(1000)}
	lag, missing, _ := l.look([]submission{{name: "a", decided: 100 * time.Millisecond, end: after(100)}}, w)
	if missing != "" {
		t.Fatalf("%s is missing", missing)
	}
	if lag.Created.Max != 40 || lag.Decided.Max != 30 || lag.Whole.Max != 130 {
		t.Errorf("got %+v", lag)
	}
	if lag.PerSecond != 1 {
		t.Errorf("%v orders a second were told within the window, want 1: the other was later", lag.PerSecond)
	}
	if _, missing, _ = l.look([]submission{{name: "b"}}, w); missing != "b" {
		t.Errorf("b was not created by the topics, and %q is missing", missing)
	}
	l.forget()
	if _, missing, _ = l.look([]submission{{name: "a"}}, w); missing != "a" {
		t.Error("what was told before the measurement still counts")
	}
}

func TestLagWaitsUntilAllIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListener()
		go func() {
			for _, topic := range []event.Type{event.OrderCreated, event.OrderConfirmed} {
				pause(t.Context(), 10*time.Second) // of the bubble's clock
				l.mu.Lock()
				l.see(string(topic), "a", time.Now())
				l.mu.Unlock()
				l.take(nil, time.Now())
			}
		}()
		w := windowFromNow(0, time.Second)
		start := time.Now()
		lag, err := l.lag(t.Context(), []submission{{name: "a", end: start}}, w)
		if err != nil || lag.Decided.Max != 20_000 {
			t.Errorf("got %+v, %v", lag, err)
		}
		if _, err := l.lag(t.Context(), []submission{{name: "never", end: start}}, w); err == nil {
			t.Error("an order that is never told has a lag")
		}
	})
}
