package slots_test

import (
	"errors"
	"testing"

	"github.com/orderplane/orderplane/adapters/rest/internal/slots"
)

func TestSlotsAreBoundedForAClientAndForAll(t *testing.T) {
	t.Parallel()
	s := slots.New(3, 2)
	take := func(client string, want error) func() {
		t.Helper()
		giveBack, err := s.Take(client)
		if !errors.Is(err, want) {
			t.Fatalf("%s: %v, want %v", client, err, want)
		}
		return giveBack
	}
	first := take("a", nil)
	take("a", nil)
	take("a", slots.ErrClientFull)
	take("b", nil)
	take("b", slots.ErrFull)
	first()
	first() // again gives nothing back
	if got := s.Taken(); got != 2 {
		t.Errorf("%d are taken, want 2", got)
	}
	take("b", nil)
	take("a", slots.ErrFull)
}
