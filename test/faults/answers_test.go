package faults

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
)

// Requests and answers get lost, the server has no room, answers come from a
// server that applied the write and did not say so: the end is the same.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	want, _ := theRunWithoutAFault(t)
	firstOf := func(how fate) func(write) fate {
		return func(this write) fate {
			if this.nth == 1 {
				return how
			}
			return pass
		}
	}
	atRandom := func(seed uint64, one int, fates ...fate) func(write) fate {
		var mu sync.Mutex
		dice := rand.New(rand.NewPCG(seed, 0))
		return func(write) fate {
			mu.Lock()
			defer mu.Unlock()
			if dice.IntN(one) == 0 {
				return fates[dice.IntN(len(fates))]
			}
			return pass
		}
	}
	for name, judge := range map[string]func(write) fate{
		"the answer to the first write of every site": firstOf(loseAnswer),
		"the first write of every site":               firstOf(loseRequest),
		"every answer to an effect": func(this write) fate {
			effect := strings.HasPrefix(this.plural, "stock") && this.plural != "stockjournals" && this.subresource == "status"
			return []fate{pass, loseAnswer}[toInt(effect)]
		},
		"the answers to two of three writes": func(this write) fate { return []fate{pass, loseAnswer, loseAnswer}[this.n%3] },
		"every second answer to a swap of the journal": func(this write) fate {
			return []fate{pass, loseAnswer}[toInt(this.plural == "stockjournals")*(this.n%2)]
		},
		"one of four, request or answer, seed 1":             atRandom(1, 4, loseRequest, loseAnswer),
		"one of twelve, 429 or 503 with Retry-After, seed 2": atRandom(2, 12, tooMany, unavailable),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			wire := newWire()
			var spoilt atomic.Int32
			wire.judge = func(this write) fate {
				what := judge(this)
				if what != pass {
					spoilt.Add(1)
				}
				return what
			}
			w.start(settings{wire: wire, orders: true})
			w.liveThrough()
			w.quiet(500 * time.Millisecond)
			w.Expect(spoilt.Load()).To(BeNumerically(">", 2), "requests or answers that were lost or refused, of %d", wire.count())
			if diff := cmp.Diff(want, w.summary()); diff != "" {
				t.Errorf("it ends otherwise (-without, +with lost answers):\n%s", diff)
			}
		})
	}
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A leader is paused in the middle of a write, for every kind of write there
// is. Another takes over and lives through everything; then the first wakes up,
// its write arrives, and it goes on as if nothing had happened.
func TestAPausedLeaderWakesUpLate(t *testing.T) {
	t.Parallel()
	want, writes := theRunWithoutAFault(t)
	for _, site := range slices.Sorted(maps.Keys(writes.sites)) {
		t.Run(site, func(t *testing.T) {
			t.Parallel()
			for range tries {
				if pauseAt(t, site, want) {
					return
				}
			}
			t.Fatalf("the site was not reached in %d runs", tries)
		})
	}
}

// pauseAt pauses a leader at a site and expects the same end. It reports whether the
// site was reached.
func pauseAt(t *testing.T, site, want string) (reached bool) {
	w := newWorld(t)
	wire := newWire()
	paused, awake := make(chan struct{}), make(chan struct{})
	var once sync.Once
	wire.judge = func(this write) fate {
		if !this.at(site) {
			return pass
		}
		once.Do(func() {
			wire.pause.Lock()
			close(paused)
			<-awake
		})
		return sendAnyway
	}
	isPaused := func() bool {
		select {
		case <-paused:
			return true
		default:
			return false
		}
	}
	wakeUp := sync.OnceFunc(func() { wire.pause.Unlock(); close(awake) })
	first := w.start(settings{wire: wire, orders: true, holder: "sleeper"})
	over, done := make(chan struct{}), make(chan struct{})
	var second *process
	go func() {
		defer close(done)
		select {
		case <-paused:
			second = w.start(settings{orders: true, holder: "successor"})
		case <-over:
		}
	}()
	t.Cleanup(func() {
		close(over)
		<-done
		if isPaused() {
			wakeUp()
		}
	})
	w.liveThrough()
	w.quiet(250 * time.Millisecond)
	if !isPaused() {
		return false
	}
	<-done
	w.settled()
	before := w.summary()
	wakeUp()
	w.quiet(time.Second)
	if diff := cmp.Diff(before, w.summary()); diff != "" {
		t.Errorf("the sleeper changed what was settled (-before, +after):\n%s", diff)
	}
	if diff := cmp.Diff(want, w.summary()); diff != "" {
		t.Errorf("it ends otherwise (-without, +with a sleeper):\n%s", diff)
	}
	w.Expect(first.wire.IsPulled()).To(BeFalse())
	w.Expect(second).NotTo(BeNil())
	return true
}
