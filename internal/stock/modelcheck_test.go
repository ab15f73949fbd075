package stock_test

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func unit(products ...string) (lines []v1alpha1.StockLine) {
	for _, p := range products {
		lines = append(lines, units(p, 1))
	}
	return lines
}

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

func protocolWorlds() map[string]world {
	return map[string]world{
		"two reservations, one unit": {
			items:        []itemSlot{{name: "a", onHand: 1}},
			reservations: []reservationSlot{{name: "r", lines: unit("a"), commit: true, release: true, restock: true}, {name: "s", lines: unit("a"), commit: true, release: true}},
			processes:    2, batch: 1,
		},
	}
}
