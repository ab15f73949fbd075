package decide

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// seen is an event of the object with a uid, as it was at a resourceVersion.
func seen(uid string, version int) Event {
	return Event{Object: &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), ResourceVersion: fmt.Sprint(version)}}}
}

// drained is what a queue gives, in its order, as uid@resourceVersion.
func drained(q *Queue) (got []string) {
	for e, ok := q.take(); ok; e, ok = q.take() {
		got = append(got, fmt.Sprintf("%s@%s", e.Object.GetUID(), e.Object.GetResourceVersion()))
	}
	return got
}

func TestQueue(t *testing.T) {
	gone := seen("a", 2)
	gone.Gone = true
	for name, tc := range map[string]struct {
		fill func(*Queue)
		want []string
	}{
		"in order of arrival":                             {func(q *Queue) { q.Put(seen("b", 1)); q.Put(seen("a", 2)) }, []string{"b@1", "a@2"}},
		"what changes again keeps its place":              {func(q *Queue) { q.Put(seen("a", 1)); q.Put(seen("b", 2)); q.Put(seen("a", 3)) }, []string{"a@3", "b@2"}},
		"once more, at the end":                           {func(q *Queue) { q.Put(seen("b", 2)); q.putAgain(seen("a", 1)) }, []string{"b@2", "a@1"}},
		"once more, unless something newer waits":         {func(q *Queue) { q.Put(seen("a", 2)); q.putAgain(seen("a", 1)) }, []string{"a@2"}},
		"what was loaded comes first":                     {func(q *Queue) { q.Put(seen("c", 9)); q.putFirst([]Event{seen("b", 1), seen("a", 2)}) }, []string{"b@1", "a@2", "c@9"}},
		"what waits in a newer state moves up as it is":   {func(q *Queue) { q.Put(seen("c", 8)); q.Put(seen("a", 9)); q.putFirst([]Event{seen("a", 2)}) }, []string{"a@9", "c@8"}},
		"what waits in an older state is replaced":        {func(q *Queue) { q.Put(seen("a", 1)); q.putFirst([]Event{seen("a", 2)}) }, []string{"a@2"}},
		"what is known to be gone is not brought back":    {func(q *Queue) { q.Put(gone); q.putFirst([]Event{seen("a", 3)}) }, []string{"a@2"}},
		"nothing is left when everything was dropped":     {func(q *Queue) { q.Put(seen("a", 1)); q.Clear() }, nil},
		"what arrives after everything was dropped stays": {func(q *Queue) { q.Put(seen("a", 1)); q.Clear(); q.Put(seen("a", 2)) }, []string{"a@2"}},
	} {
		q := NewQueue()
		tc.fill(q)
		if q.Len() != len(tc.want) {
			t.Errorf("%s: %d wait, want %d", name, q.Len(), len(tc.want))
		}
		if diff := cmp.Diff(tc.want, drained(q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestQueueTellsThatSomethingArrived(t *testing.T) {
	q := NewQueue()
	q.putAgain(seen("a", 1))
	select {
	case <-q.Arrived():
		t.Error("the loop's own work wakes the loop")
	default:
	}
	for range 3 {
		q.Put(seen("a", 2)) // never blocks
	}
	select {
	case <-q.Arrived():
	default:
		t.Error("nothing tells that something arrived")
	}
}
