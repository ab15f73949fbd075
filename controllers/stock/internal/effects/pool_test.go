package effects

import (
	"context"
	"testing"

	"k8s.io/utils/clock"
)

func TestNoTwoEffectsOfATargetAreInFlight(t *testing.T) {
	p := NewPool(clock.RealClock{}, 4, func(string) {})
	held := make(chan struct{})
	effect := func(target string) *Effect {
		return &Effect{Target: target, Write: func(context.Context) error { <-held; return nil }, Done: func() {}}
	}
	first := effect("a")
	if !p.Dispatch(t.Context(), first) || p.Dispatch(t.Context(), effect("a")) {
		t.Error("the first is not dispatched, or another of its target is")
	}
	if !p.Dispatch(t.Context(), effect("b")) || p.InFlight() != 2 || p.Of("a") != first {
		t.Errorf("%d are in flight, want one of each target", p.InFlight())
	}
	close(held)
	p.Drain(t.Context())
	if !p.Dispatch(t.Context(), effect("a")) {
		t.Error("a target whose effect is complete is held up")
	}
	p.Drain(t.Context())
}
