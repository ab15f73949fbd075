package mirrorfaults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	// together is how many crashes one world has at most, one after the other.
	together = 14
	// tries of a fault. Which writes a run makes depends a little on timing: a site that was not
	// reached is tried again.
	tries = 4
)

// A mirror crashes before and after every write that mirrors make. The next one goes on, and the
// world ends as one without a crash does.
func TestCrashAtEveryWrite(t *testing.T) {
	startManager(t)
	want, sites := theRunWithoutAFault(t)
	tried := map[fault]int{}
	known := map[string]bool{}
	var waiting []fault
	learn := func(sites []string) {
		for _, site := range sites {
			if !known[site] && strings.Contains(site, *only) {
				known[site] = true
				waiting = append(waiting, fault{before, site}, fault{after, site})
			}
		}
	}
	learn(sites)
	// What a run without a fault does not write, such as what the manager usually has done before, a run
	// with one reaches only now and then.
	certain := maps.Clone(known)
	for round := 1; len(waiting) > 0; round++ {
		plans := share(waiting)
		waiting = nil
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			for i, faults := range plans {
				t.Run(fmt.Sprint(i+1), func(t *testing.T) {
					t.Parallel()
					plans[i].plan = crashAt(t, faults.faults, want)
				})
			}
		})
		if t.Failed() {
			return
		}
		for _, p := range plans {
			learn(p.plan.found())
			for _, f := range p.plan.left() {
				if tried[f]++; tried[f] == tries {
					if certain[f.site] {
						t.Errorf("a crash %s %q was not reached in %d runs", f.when, f.site, tries)
					} else {
						t.Logf("a crash %s %q, which was seen once, was not reached again in %d runs", f.when, f.site, tries)
					}
					continue
				}
				waiting = append(waiting, f)
			}
		}
	}
	t.Logf("crashed before and after each of %d sites:\n%s", len(known), strings.Join(slices.Sorted(maps.Keys(known)), "\n"))
}

// shared are the faults of one world, and what became of them.
type shared struct {
	faults []fault
	plan   *plan
}

// share deals faults out to worlds: those of one site, and of sites that come one after the other,
// to different ones.
func share(all []fault) []shared {
	worlds := make([]shared, (len(all)+together-1)/together)
	for i, f := range all {
		w := &worlds[i%len(worlds)]
		w.faults = append(w.faults, f)
	}
	return worlds
}

// theRunWithoutAFault is what the others are measured by: how it ends and where it writes.
func theRunWithoutAFault(t *testing.T) (end string, sites []string) {
	t.Helper()
	w := newWorld(t, nil)
	w.keepMirroring()
	w.liveThrough()
	end, sites = w.end(), w.plan.found()
	t.Logf("the run without a fault writes at %d sites and ends in\n%s", len(sites), end)
	return end, sites
}

// crashAt lives a life with these crashes and expects the same end.
func crashAt(t *testing.T, faults []fault, want string) *plan {
	t.Helper()
	w := newWorld(t, faults)
	w.keepMirroring()
	w.liveThrough()
	if diff := cmp.Diff(want, w.end()); diff != "" {
		t.Errorf("with crashes at %q it ends otherwise (-without, +with):\n%s", faults, diff)
	}
	return w.plan
}
