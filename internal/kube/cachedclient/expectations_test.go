package cachedclient

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestExpectations(t *testing.T) {
	const patience = time.Second
	order := func(uid, version string) *v1alpha1.Order {
		o := &v1alpha1.Order{}
		o.UID, o.ResourceVersion = types.UID(uid), version
		return o
	}
	for name, tc := range map[string]struct {
		cached *v1alpha1.Order
		later  time.Duration
		others bool // are written then
		want   bool
	}{
		"the version that was replaced":                {order("uid-1", "7"), 0, true, true},
		"the version that came of it":                  {order("uid-1", "9"), 0, true, false},
		"another object":                               {order("uid-2", "7"), 0, true, false},
		"as long as the cache may take":                {order("uid-1", "7"), patience, true, true},
		"a write that changed nothing, and no longer":  {order("uid-1", "7"), 2 * patience, true, false},
		"the same when nothing else is written":        {order("uid-1", "7"), 2 * patience, false, false},
		"a write that is noted anew, as long as again": {order("uid-3", "8"), 2 * patience, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			now := clocktesting.NewFakePassiveClock(time.Now())
			e := NewExpectations(now, patience)
			if e.Pending(tc.cached) {
				t.Error("nothing was written yet")
			}
			e.Expect(order("uid-1", "7"))
			e.Pending(order("uid-1", "9")) // one reader has it; another may have read before
			now.SetTime(now.Now().Add(tc.later))
			if tc.others {
				e.Expect(order("uid-3", "8"))
			}
			if got := e.Pending(tc.cached); got != tc.want {
				t.Errorf("pending: %t", got)
			}
		})
	}
}

func TestExpectationsAreForgotten(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Now())
	e := NewExpectations(now, time.Second)
	for i := range 10 {
		o := &v1alpha1.Order{}
		o.UID = types.UID(fmt.Sprint(i))
		e.Expect(o)
		now.SetTime(now.Now().Add(time.Second))
	}
	if n := len(e.replaced[0]) + len(e.replaced[1]); n > 2 {
		t.Errorf("%d objects of long ago are remembered", n-2)
	}
}
