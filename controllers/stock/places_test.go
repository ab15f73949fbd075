package stock

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestHowManyEffectsAreWrittenAtATime(t *testing.T) {
	for effects, want := range map[int]int32{1: 1, 2: 2, 8: 2, 9: 3, 12: 3, 64: 16, 500: 16} {
		t.Run(fmt.Sprint(effects), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := places{limit: 16}
				var writing, written atomic.Int32
				answered := make(chan struct{})
				for range effects {
					go func() {
						p.take()
						writing.Add(1)
						<-answered
						writing.Add(-1)
						written.Add(1)
						p.free()
					}()
				}
				synctest.Wait()
				if got := writing.Load(); got != want {
					t.Errorf("%d of %d are written at once, want %d", got, effects, want)
				}
				for left := effects; left > 0; left-- {
					answered <- struct{}{} // one of them; whoever comes in its place is let in by it
					synctest.Wait()
					if got := int(writing.Load()); got > 16 || left > 1 && got == 0 {
						t.Fatalf("%d are written at once when %d are left", got, left-1)
					}
				}
				if got := int(written.Load()); got != effects || p.taken != 0 {
					t.Errorf("%d of %d were written, %d places are not given back", got, effects, p.taken)
				}
			})
		})
	}
}
