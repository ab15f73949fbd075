package notifiertest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// patience is long: the machine may be busy.
const patience = 90 * time.Second

// Eventually waits until what is seen is as it must be. When it never is, the test fails with the difference, and with
// what the callers of more say.
func Eventually(t *testing.T, what string, is func() (got, want any), more ...func() string) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got, want := is()
		if cmp.Equal(got, want) {
			return
		}
		select {
		case <-deadline:
			text := cmp.Diff(want, got)
			for _, m := range more {
				text += "\n" + m()
			}
			t.Fatalf("%s (-want +got)\n%s", what, text)
		case <-tick.C:
		}
	}
}
