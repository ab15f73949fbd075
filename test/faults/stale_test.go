package faults

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// A leader that was replaced and has not noticed sees that items show what it
// does not remember. It finds out instead of writing what it does remember: two
// that overwrite each other would never be quiet.
func TestAStaleLeaderDoesNotFight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire := newWire()
	var gap gap
	gap.only = "/stockreservations"
	wire.read = gap.read
	w.start(settings{wire: wire, holder: "stale"})
	w.item("mug", 10)
	w.Eventually(w.level("mug")).Should(Equal("10/0/10"))
	w.quiet(200 * time.Millisecond)
	gap.open()
	w.cutWatches(wire)

	w.start(settings{holder: "leader"})
	w.reserve("basket", line{"mug", 4})
	w.Eventually(w.reservation("basket")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.level("mug")).Should(Equal("10/4/6"))
	w.quiet(time.Second)
	w.Expect(gap.refused.Load()).To(BeNumerically(">", 0), "watches of the stale one")
	gap.close()
	w.quiet(500 * time.Millisecond)
	w.Expect(w.level("mug")()).To(Equal("10/4/6"))
}

// A leader's lists know that an item is being deleted. Then its informer, which
// lags, shows the item as it was before that: nothing is granted of it.
func TestAnOldEventAfterATakeOverChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := &slowWatch{only: "/stockitems"}
	wire := newWire()
	wire.slow = slow
	w.start(settings{wire: wire, holder: "lagging"})
	w.item("mug", 10)
	w.item("tea", 10)
	w.reserve("held", line{"mug", 4})
	w.Eventually(w.level("mug")).Should(Equal("10/4/6"))
	w.Eventually(w.level("tea")).Should(Equal("10/0/10"))
	w.quiet(300 * time.Millisecond)

	slow.hold()
	edit(w, "mug", func(i *v1alpha1.StockItem) { i.Spec.Name = "the old event" })
	other := w.start(settings{holder: "other"})
	w.settled()
	remove[v1alpha1.StockItem](w, "mug")
	w.reserve("taken-over", line{"tea", 1}) // the lagging one loses the journal, and takes it back
	w.Eventually(w.reservation("taken-over")).Should(Equal(v1alpha1.ReservationReserved))
	other.Kill()
	w.reserve("by-the-lagging", line{"tea", 1})
	w.Eventually(w.reservation("by-the-lagging")).Should(Equal(v1alpha1.ReservationReserved))

	w.Eventually(func() bool { return slow.letThrough("the old event") }).Should(BeTrue())
	w.reserve("late", line{"mug", 1})
	w.Eventually(w.reservation("late")).Should(Equal(v1alpha1.ReservationRejected))
	slow.release()
	w.want("held", v1alpha1.IntentRelease)
	w.Eventually(absent[v1alpha1.StockItem](w, "mug")).Should(BeTrue())
	w.quiet(300 * time.Millisecond)
}

// slowWatch lets a test decide how far a watch has come.
type slowWatch struct {
	only string

	mu      sync.Mutex
	holding bool
	waiting []heldEvent
}

type heldEvent struct {
	text string
	pass chan struct{}
}

// follow puts a body between that brings events one by one.
func (s *slowWatch) follow(req *http.Request, body io.ReadCloser) io.ReadCloser {
	if !strings.HasSuffix(req.URL.Path, s.only) {
		return body
	}
	out, in := io.Pipe()
	go func() {
		lines := bufio.NewReader(body)
		for {
			text, err := lines.ReadString('\n')
			if text != "" {
				s.wait(req, text)
				_, _ = io.WriteString(in, text) // a closed pipe ends at the next read
			}
			if err != nil {
				_ = in.CloseWithError(err)
				return
			}
		}
	}()
	return struct {
		io.Reader
		io.Closer
	}{out, body}
}

func (s *slowWatch) wait(req *http.Request, text string) {
	s.mu.Lock()
	if !s.holding {
		s.mu.Unlock()
		return
	}
	held := heldEvent{text, make(chan struct{})}
	s.waiting = append(s.waiting, held)
	s.mu.Unlock()
	select {
	case <-held.pass:
	case <-req.Context().Done():
	}
}

func (s *slowWatch) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// letThrough lets the event that waits pass, and says whether it is the one
// that contains text; those behind it go on waiting.
func (s *slowWatch) letThrough(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return false
	}
	held := s.waiting[0]
	s.waiting = s.waiting[1:]
	close(held.pass)
	return strings.Contains(held.text, text)
}

// release lets all events pass from now on.
func (s *slowWatch) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, held := range s.waiting {
		close(held.pass)
	}
	s.waiting = nil
}
