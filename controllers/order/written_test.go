package order

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestAnOrderThatWasReplacedIsNotJudged(t *testing.T) {
	order := func(uid types.UID, version string) *v1alpha1.Order {
		o := &v1alpha1.Order{}
		o.UID, o.ResourceVersion = uid, version
		return o
	}
	now := time.Now()
	for name, tc := range map[string]struct {
		seen  *v1alpha1.Order
		later time.Duration
		want  bool
	}{
		"what was replaced":                   {order("uid-1", "7"), 0, true},
		"what came of it":                     {order("uid-1", "9"), 0, false},
		"another order":                       {order("uid-2", "7"), 0, false},
		"for as long as the cache may take":   {order("uid-1", "7"), forgetAfter, true},
		"and no longer: no event may ever be": {order("uid-1", "7"), 2 * forgetAfter, false},
	} {
		w := &written{}
		if w.isAhead(tc.seen, now) {
			t.Errorf("%s: nothing was written yet", name)
		}
		w.note(order("uid-1", "7"), now)
		w.isAhead(order("uid-1", "9"), now) // somebody has it; others may have read before
		w.note(order("uid-3", "8"), now.Add(tc.later))
		if got := w.isAhead(tc.seen, now.Add(tc.later)); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	w := &written{}
	for i := range 10 {
		w.note(order(types.UID(rune('a'+i)), "7"), now.Add(time.Duration(i)*forgetAfter))
	}
	if n := len(w.replaced[0]) + len(w.replaced[1]); n > 2 {
		t.Errorf("%d orders of long ago are remembered", n-2)
	}
}
