package effects

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestBackoff(t *testing.T) {
	now := time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)
	away := errors.New("no answer")
	var b Backoff
	if !b.due(now) || b.parked() {
		t.Error("what has not failed waits, or is given up on")
	}
	var waits []time.Duration
	for range 12 {
		b.Failed(now, away)
		waits = append(waits, b.Wait())
		if b.due(now) || b.due(now.Add(b.Wait()-1)) || !b.due(now.Add(b.Wait())) {
			t.Errorf("after a wait of %s: due too early, or not at its end", b.Wait())
		}
		if want := b.Wait() > patience; b.parked() != want {
			t.Errorf("after a wait of %s: parked %t", b.Wait(), b.parked())
		}
	}
	if waits[0] != firstRetry || waits[1] != 2*firstRetry || waits[11] != LastRetry {
		t.Errorf("waits are %v", waits)
	}
	if !b.due(now.Add(-time.Hour)) {
		t.Error("a clock that was set back makes a write wait")
	}
}

func TestWhatIsRefusedIsParkedAtOnce(t *testing.T) {
	now := time.Now()
	thing := schema.GroupResource{Resource: "stockitems"}
	for err, want := range map[error]bool{
		apierrors.NewInvalid(schema.GroupKind{}, "x", nil): true,
		apierrors.NewForbidden(thing, "x", nil):            true,
		apierrors.NewRequestEntityTooLargeError("x"):       true,
		apierrors.NewConflict(thing, "x", nil):             false,
		apierrors.NewTooManyRequests("x", 1):               false,
		apierrors.NewInternalError(errors.New("x")):        false,
		errors.New("no answer"):                            false,
	} {
		var b Backoff
		b.Failed(now, err)
		if b.refused != want || b.parked() != want {
			t.Errorf("%v: refused %t, parked %t, want %t", err, b.refused, b.parked(), want)
		}
	}
}

func TestFailuresAreForgottenOnceNobodyWantsTheWrite(t *testing.T) {
	now := time.Now()
	b := backoffs{}
	b.of("flies").Failed(now, errors.New("x"))
	b.of("wanted no more").Failed(now, errors.New("x"))
	b.of("waits").Failed(now.Add(firstRetry), errors.New("x"))
	b.prune(now.Add(firstRetry), map[string]*Effect{"flies": {}})
	if b["flies"] == nil || b["waits"] == nil || b["wanted no more"] != nil {
		t.Errorf("left are %v", b)
	}
	if in, ok := b.next(now.Add(firstRetry)); !ok || in != 0 {
		t.Errorf("the next is due in %s, %t", in, ok)
	}
}
