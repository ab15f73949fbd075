package order

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestAnOrderThatWasReplacedIsNotJudged(t *testing.T) {
	at := func(version string) *v1alpha1.Order {
		o := &v1alpha1.Order{}
		o.UID, o.ResourceVersion = "uid-1", version
		return o
	}
	now := time.Now()
	w := &written{}
	if w.isAhead(at("7"), now) {
		t.Error("nothing was written")
	}
	w.note(at("7"), now)
	if !w.isAhead(at("7"), now) {
		t.Error("the version that was replaced is judged")
	}
	if other := (&v1alpha1.Order{}); w.isAhead(other, now) {
		t.Error("another order waits for it")
	}
	if !w.isAhead(at("7"), now.Add(forgetAfter-1)) || w.isAhead(at("7"), now.Add(forgetAfter)) {
		t.Errorf("a write that no event follows is waited for other than %s", forgetAfter)
	}
	w.note(at("7"), now)
	if w.isAhead(at("9"), now) || len(w.replaced) != 0 {
		t.Error("it is remembered after the cache has what came of it")
	}
}
