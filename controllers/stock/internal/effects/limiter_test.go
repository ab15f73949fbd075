package effects

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

// writers have effects written that are answered when they are told to.
type writers struct {
	limiter          *limiter
	writing, written atomic.Int32
	answered         chan struct{}
}

func newWriters(limit int) *writers {
	return &writers{limiter: &limiter{clock: clock.RealClock{}, limit: limit}, answered: make(chan struct{})}
}

func (w *writers) begin(effects int) {
	for range effects {
		go func() {
			w.limiter.acquire()
			w.writing.Add(1)
			<-w.answered
			w.writing.Add(-1)
			w.written.Add(1)
			w.limiter.release()
		}()
	}
	synctest.Wait()
}

// answer has one of those that are written answered; whoever waits is admitted by it.
func (w *writers) answer() {
	w.answered <- struct{}{}
	synctest.Wait()
}

func TestHowManyEffectsAreWrittenAtATime(t *testing.T) {
	for effects, want := range map[int]int32{1: 1, 2: 2, 8: 2, 9: 3, 12: 3, 64: 16, 500: 16} {
		t.Run(fmt.Sprint(effects), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWriters(16)
				w.begin(effects)
				if got := w.writing.Load(); got != want {
					t.Errorf("%d of %d are written at once, want %d", got, effects, want)
				}
				for left := effects; left > 0; left-- {
					w.answer()
					if got := w.writing.Load(); got > 16 || left > 1 && got == 0 {
						t.Fatalf("%d are written at once when %d are left", got, left-1)
					}
				}
				if got := int(w.written.Load()); got != effects || w.limiter.taken != 0 {
					t.Errorf("%d of %d were written, %d permits are not given back", got, effects, w.limiter.taken)
				}
			})
		})
	}
}

func TestWritesThatHangHoldUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriters(4)
		w.begin(2) // they hang
		w.begin(4)
		if got := w.writing.Load(); got != 2 {
			t.Errorf("%d of 6 are written at once, want 2", got)
		}
		<-time.After(sharesFor)
		synctest.Wait()
		if got := w.writing.Load(); got != 4 {
			t.Errorf("%d of 6 are written when two hang, want all 4 that may be", got)
		}
		for range 6 {
			w.answer()
		}
	})
}
