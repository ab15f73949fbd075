package decide

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestExpiries(t *testing.T) {
	noon := time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)
	x := &expiries{}
	x.clear()
	track := func(name string, in time.Duration, phase v1alpha1.StockReservationPhase) {
		r := &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}}
		if in != 0 {
			r.Spec.ExpiresAt = &metav1.Time{Time: noon.Add(in)}
		}
		x.track(r, phase)
	}
	expect := func(when string, in time.Duration, want ...string) {
		t.Helper()
		var got []string
		for _, e := range x.take(noon.Add(in)) {
			got = append(got, e.name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v ran out, want %v", when, got, want)
		}
	}
	if _, ok := x.next(); ok {
		t.Error("something runs out although nothing is tracked")
	}
	track("a", time.Minute, v1alpha1.ReservationPending)
	track("b", time.Minute, v1alpha1.ReservationReserved)
	track("later", time.Hour, v1alpha1.ReservationReserved)
	track("over", time.Minute, v1alpha1.ReservationReleased)
	track("never", 0, v1alpha1.ReservationReserved)
	if at, ok := x.next(); !ok || !at.Equal(noon.Add(time.Minute)) {
		t.Errorf("the next runs out at %s, %t", at, ok)
	}
	expect("a moment too early", time.Minute-1)
	expect("when two are over", time.Minute, "a", "b")
	expect("again", time.Minute)
	track("later", 2*time.Hour, v1alpha1.ReservationReserved)
	expect("one that was extended", time.Hour)
	track("gone", time.Hour, v1alpha1.ReservationReserved)
	track("gone", time.Hour, v1alpha1.ReservationCommitted)
	expect("one that was shipped meanwhile", time.Hour)
	expect("at last", 3*time.Hour, "later")
	if at, ok := x.next(); ok {
		t.Errorf("something runs out at %s although nothing is left", at)
	}
}
