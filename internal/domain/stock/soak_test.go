package stock_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// soakVariable says how long the soak runs.
const soakVariable = "ORDERPLANE_SOAK"

// TestSoak is the long run: worlds too large for every day, then random
// histories with seeds 1, 2, 3 and so on, until its time is up.
func TestSoak(t *testing.T) {
	given := os.Getenv(soakVariable)
	if given == "" {
		t.Skipf("the long run is off; set %s to how long it is to take, such as 30m", soakVariable)
	}
	howLong, err := time.ParseDuration(given)
	if err != nil {
		t.Fatalf("%s: %v", soakVariable, err)
	}
	until := time.Now().Add(howLong)
	for name, w := range soakWorlds() {
		t.Run(name, func(t *testing.T) {
			got := newChecker(w, protocol()).explore(6_000_000)
			t.Logf("%d states, %d steps, %.1fs, all of them: %t", got.states, got.steps, got.took.Seconds(), got.complete)
			if got.broken != "" {
				t.Errorf("%s:\n  %s", got.broken, strings.Join(got.way, "\n  "))
			}
		})
	}
	set(t, "rapid.checks", "5000")
	set(t, "rapid.steps", "100")
	seed := 1
	for ; time.Now().Before(until) && !t.Failed(); seed++ {
		set(t, "rapid.seed", fmt.Sprint(seed))
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { rapid.Check(t, someHistory) })
	}
	t.Logf("%d seeds", seed-1)
}

// set changes a flag of rapid until the test ends.
func set(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, before); err != nil {
			t.Error(err)
		}
	})
}
