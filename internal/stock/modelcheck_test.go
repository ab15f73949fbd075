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
