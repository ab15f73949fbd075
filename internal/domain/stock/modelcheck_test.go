package stock_test

import (
	"strings"
	"testing"
)

func TestProtocol(t *testing.T) {
	for name, w := range protocolWorlds() {
		t.Run(name, func(t *testing.T) {
			got := newChecker(w, protocol()).explore(3_000_000)
			t.Logf("%d states, %d steps, %.1fs", got.states, got.steps, got.took.Seconds())
			if got.broken != "" {
				t.Errorf("%s:\n  %s", got.broken, strings.Join(got.way, "\n  "))
			} else if !got.complete {
				t.Error("there are more states than the test may visit; make the world smaller")
			}
		})
	}
}

// Processes that were replaced keep all their memory here, which takes many
// times the states; nothing more can go wrong with it.
func TestProtocolWithoutReducingReplacedProcesses(t *testing.T) {
	w := smallWorld(
		reservationSlot{name: "r", lines: unit("a"), commit: true, life: life{dies: true}},
		reservationSlot{name: "s", lines: unit("a"), release: true})
	w.unclear = true
	r := protocol()
	r.keepReplaced = true
	got := newChecker(w, r).explore(2_000_000)
	t.Logf("%d states, %d steps, %.1fs", got.states, got.steps, got.took.Seconds())
	if got.broken != "" || !got.complete {
		t.Errorf("%s (complete: %t):\n  %s", got.broken, got.complete, strings.Join(got.way, "\n  "))
	}
}
