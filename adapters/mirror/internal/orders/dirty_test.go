package orders

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func names(entries []*entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.name)
	}
	return all
}

func TestAnOrderWaitsOnce(t *testing.T) {
	d := newDirty(clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
	for range 1000 {
		d.add("a", changed)
		d.add("b", changed)
	}
	if n, _ := d.len(); n != 2 || len(d.fresh) != 2 {
		t.Errorf("%d wait, %d are queued; two orders have changed", n, len(d.fresh))
	}
	if diff := cmp.Diff([]string{"a", "b"}, names(d.take(10))); diff != "" {
		t.Error(diff)
	}
	if n, _ := d.len(); n != 0 {
		t.Errorf("%d wait after all were taken", n)
	}
}

func TestWhatHasChangedComesFirst(t *testing.T) {
	c := clocktesting.NewFakePassiveClock(time.Unix(100, 0))
	d := newDirty(c)
	d.add("a", compared)
	d.add("b", swept)
	d.add("c", compared)
	c.SetTime(time.Unix(110, 0))
	d.add("b", changed)
	d.add("d", changed)
	if n, oldest := d.len(); n != 4 || !oldest.Equal(time.Unix(110, 0)) {
		t.Errorf("%d wait since %s; what is compared does not lag", n, oldest)
	}
	if diff := cmp.Diff([]string{"b", "d", "a"}, names(d.take(3))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c"}, names(d.take(3))); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsPutBackKeepsItsPlaceAndItsEnds(t *testing.T) {
	c := clocktesting.NewFakePassiveClock(time.Unix(100, 0))
	d := newDirty(c)
	end := func(uid string) *v1alpha1.Order {
		o := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
		o.UID = "a-" + "" + o.UID
		o.ResourceVersion = uid
		return o
	}
	d.addEnd(end("1"))
	d.add("b", changed)
	taken := d.take(2)
	c.SetTime(time.Unix(200, 0))
	d.add("z", changed)
	d.addEnd(end("2"))
	d.putBack(taken)
	if _, oldest := d.len(); !oldest.Equal(time.Unix(100, 0)) {
		t.Errorf("the oldest waits since %s; it came at 100", oldest)
	}
	again := d.take(10)
	if diff := cmp.Diff([]string{"b", "z", "a"}, names(again)); diff != "" {
		t.Error(diff)
	}
	if ends := again[2].ends; len(ends) != 2 || ends[0].ResourceVersion != "1" || ends[1].ResourceVersion != "2" {
		t.Errorf("ends: %v", ends)
	}
}
