package stock

import (
	"fmt"
	"strconv"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func testClock() *clocktesting.FakeClock { return clocktesting.NewFakeClock(start) }

// objectMeta of the n-th object, at its n-th version.
func objectMeta(n int64) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: fmt.Sprintf("o-%d", n), UID: types.UID(fmt.Sprintf("u-%d", n)), ResourceVersion: strconv.FormatInt(n, 10), CreationTimestamp: metav1.NewTime(start)}
}

// deleted is a reservation that is at its end and being deleted, as of the decision seq.
func deleted(seq int64) *v1alpha1.StockReservation {
	r := &v1alpha1.StockReservation{ObjectMeta: objectMeta(1)}
	r.Finalizers, r.DeletionTimestamp = []string{v1alpha1.MirrorFinalizer}, &metav1.Time{Time: start}
	r.Status = v1alpha1.StockReservationStatus{Phase: v1alpha1.ReservationReleased, History: []v1alpha1.ReservationHistoryEntry{{Seq: seq, Phase: v1alpha1.ReservationReleased}}}
	return r
}

func free(v *view, terminating bool) int {
	objects, _ := v.mayGo(terminating)
	return len(objects)
}

func TestOnlyTheVersionThatWasCommittedMayGo(t *testing.T) {
	v := newView(testClock())
	r := deleted(1)
	v.see(r, false)
	if free(v, false) != 0 {
		t.Error("it may go before it is committed")
	}
	b := v.take(10, 10)
	newer := r.DeepCopy()
	newer.ResourceVersion = "2"
	v.see(newer, false)
	v.done(&b, 1, nil)
	if free(v, false) != 0 {
		t.Error("a version may go that was seen after the one that is committed")
	}
	b = v.take(10, 10)
	v.done(&b, 1, nil)
	if free(v, false) != 1 {
		t.Error("its newest version is committed and told, and it may not go")
	}
	v.soil()
	if free(v, false) != 0 {
		t.Error("the connection ended, and what was committed over it counts")
	}
}

func TestWhatIsNotToldMayNotGo(t *testing.T) {
	v := newView(testClock())
	v.see(deleted(2), false) // 1 is missing
	b := v.take(10, 10)
	v.done(&b, 0, nil)
	if free(v, false) != 0 || free(v, true) != 0 {
		t.Error("its decision is not told, and it may go")
	}
	v.moved(2)
	if free(v, false) != 1 {
		t.Error("its decision is told, and it may not go")
	}
	if _, rest := v.mayGo(false); rest != 0 {
		t.Errorf("%d others wait", rest)
	}
}

func TestInANamespaceThatIsBeingDeletedThePhaseDoesNotMatter(t *testing.T) {
	v := newView(testClock())
	r := deleted(1)
	r.Status = v1alpha1.StockReservationStatus{Phase: v1alpha1.ReservationPending}
	v.see(r, false)
	if free(v, true) != 0 {
		t.Error("it may go before it is committed")
	}
	b := v.take(10, 10)
	v.done(&b, 0, nil)
	if free(v, false) != 0 {
		t.Error("undecided, it may go")
	}
	if free(v, true) != 1 {
		t.Error("nobody decides any more, and it may not go")
	}
}

func TestAnItemIsComparedOnceItsDecisionsAreTold(t *testing.T) {
	v := newView(testClock())
	o := &v1alpha1.StockItem{ObjectMeta: objectMeta(1), Status: v1alpha1.StockItemStatus{OnHand: ptr.To(int64(3)), JournalSeq: 9}}
	v.see(o, false)
	b := v.take(10, 10)
	v.done(&b, 0, []*v1alpha1.StockItem{o})
	if b := v.take(10, 10); len(b.items.dirty) != 0 {
		t.Error("it is written again although nothing changed")
	}
	v.moved(8)
	if b := v.take(10, 10); len(b.items.dirty) != 0 {
		t.Error("it is looked at before all that it contains is told")
	}
	v.moved(9)
	if b := v.take(10, 10); len(b.items.dirty) != 1 {
		t.Error("all that it contains is told, and it is not compared")
	}
}

func TestGoneObjectsAreBounded(t *testing.T) {
	v := newView(testClock())
	for n := range int64(mostGone + 5) {
		r := &v1alpha1.StockReservation{ObjectMeta: objectMeta(n)}
		v.see(r, false)
		v.see(r, true)
	}
	if n := len(v.reservations.gone); n != mostGone {
		t.Errorf("%d are kept, want %d", n, mostGone)
	}
	if len(v.reservations.objects)+len(v.reservations.dirty) != 0 {
		t.Error("what is gone is still there")
	}
	if !v.wasOverlooked() || v.wasOverlooked() {
		t.Error("the sweep has to be told once")
	}
}

func TestADeletionOfAnOldObjectLeavesItsSuccessor(t *testing.T) {
	v := newView(testClock())
	old, successor := &v1alpha1.StockItem{ObjectMeta: objectMeta(1)}, &v1alpha1.StockItem{ObjectMeta: objectMeta(1)}
	successor.UID, successor.ResourceVersion = "again", "2"
	v.see(old, false)
	v.see(successor, false)
	v.see(old, true)
	if o, ok := find(v, v.items, "o-1", ""); !ok || o.UID != "again" {
		t.Errorf("the view has %v", o)
	}
	if _, ok := find(v, v.items, "o-1", "u-1"); ok {
		t.Error("the old one is found")
	}
	if b := v.take(10, 10); len(b.items.gone) != 1 || len(b.items.dirty) != 1 {
		t.Errorf("%d gone, %d to be written, want one of each", len(b.items.gone), len(b.items.dirty))
	}
}
