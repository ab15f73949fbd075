package order_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

func mirroredOrder(o *v1alpha1.Order) {
	o.Finalizers = []string{v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer}
}

func leaving(o *v1alpha1.Order) {
	o.Finalizers = nil
	o.Annotations = map[string]string{v1alpha1.LeavingAnnotation: "true"}
}

func kept(o *v1alpha1.Order) {
	o.Spec.Policy = &v1alpha1.OrderPolicy{Retention: &metav1.Duration{Duration: time.Hour}}
}

func deleted(o *v1alpha1.Order) {
	now := metav1.NewTime(created())
	o.DeletionTimestamp = &now
}

func TestArchiveDue(t *testing.T) {
	over := created().Add(2 * time.Hour) // of what was cancelled or returned an hour after its creation
	window := over.Add(720 * time.Hour)  // of what was fulfilled then
	edits := func(all ...func(*v1alpha1.Order)) func(*v1alpha1.Order) {
		return func(o *v1alpha1.Order) {
			for _, edit := range all {
				edit(o)
			}
		}
	}
	young := func(o *v1alpha1.Order) { o.CreationTimestamp = metav1.NewTime(created().Add(10 * time.Hour)) }
	asked := func(o *v1alpha1.Order) { o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"} }
	edited := func(o *v1alpha1.Order) { o.Generation++ }
	for name, c := range map[string]struct {
		phase v1alpha1.OrderPhase
		edit  func(*v1alpha1.Order)
		// at is the deadline, zero when there is none.
		at time.Time
		// never is whether it is not due after its deadline either.
		never bool
	}{
		"pending":                        {v1alpha1.OrderPending, kept, time.Time{}, true},
		"confirmed":                      {v1alpha1.OrderConfirmed, kept, time.Time{}, true},
		"a return is asked for":          {v1alpha1.OrderReturnRequested, kept, time.Time{}, true},
		"cancelled":                      {v1alpha1.OrderCancelled, kept, over, false},
		"returned":                       {v1alpha1.OrderReturned, kept, over, false},
		"fulfilled":                      {v1alpha1.OrderFulfilled, kept, window, false},
		"kept for ever":                  {v1alpha1.OrderCancelled, func(*v1alpha1.Order) {}, time.Time{}, true},
		"an object younger than its end": {v1alpha1.OrderReturned, edits(kept, young), created().Add(11 * time.Hour), false},
		"leaving":                        {v1alpha1.OrderReturned, edits(kept, leaving), over, false},
		"unasked":                        {v1alpha1.OrderReturned, edits(kept, unasked), over, true},
		"deleted":                        {v1alpha1.OrderReturned, edits(kept, deleted), time.Time{}, true},
		"a return to answer":             {v1alpha1.OrderFulfilled, edits(kept, asked), window, true},
		"a spec to answer":               {v1alpha1.OrderReturned, edits(kept, edited), over, true},
	} {
		o := anOrder().in(c.phase).with(mirroredOrder).with(c.edit).order()
		f := order.Facts{Order: o, Reservation: usualReservation(o), Mirrored: true}
		for _, offset := range []time.Duration{-time.Hour, 0, time.Second - 1, time.Second, time.Hour} {
			f.Now = c.at.Add(offset)
			if c.at.IsZero() {
				f.Now = window.Add(offset)
			}
			due, at := order.ArchiveDue(f)
			if want := !c.never && offset >= time.Second; due != want {
				t.Errorf("%s, %s after its deadline: due %t, want %t", name, offset, due, want)
			}
			want := c.at
			if !want.IsZero() {
				want = want.Add(time.Second)
			}
			if !at.Equal(want) {
				t.Errorf("%s: due at %s, want %s", name, at, want)
			}
		}
	}
}

// The stock of an order that was cancelled has to be back before the order goes.
func TestArchiveIsNotDueBeforeStockIsBack(t *testing.T) {
	o := anOrder().in(v1alpha1.OrderCancelled).with(mirroredOrder).with(kept).order()
	f := order.Facts{Order: o, Reservation: aReservation(o, v1alpha1.ReservationReserved), Mirrored: true, Now: created().Add(100 * time.Hour)}
	if due, _ := order.ArchiveDue(f); due {
		t.Error("due while it holds stock")
	}
}

// Whose order it is to let go, once retention is over.
func TestRetentionIsTheMirrors(t *testing.T) {
	for name, c := range map[string]struct {
		edit     func(*v1alpha1.Order)
		mirrored bool
		want     order.Act
	}{
		"no mirror":                             {func(*v1alpha1.Order) {}, false, order.DeleteOrder},
		"made before there was one":             {func(*v1alpha1.Order) {}, true, order.DeleteOrder},
		"the mirror keeps it":                   {mirroredOrder, true, order.Nothing},
		"a mirror that was removed kept it":     {mirroredOrder, false, order.Nothing},
		"it is leaving":                         {leaving, true, order.Nothing},
		"it was leaving, and no mirror is left": {leaving, false, order.RestoreFinalizers},
	} {
		o := anOrder().in(v1alpha1.OrderReturned).with(kept).with(c.edit).order()
		f := order.Facts{Order: o, Reservation: usualReservation(o), Mirrored: c.mirrored, Now: created().Add(100 * time.Hour)}
		if d := order.Judge(f); d.Act != c.want || d.RequeueAfter != 0 {
			t.Errorf("%s: %q after %s, want %q", name, d.Act, d.RequeueAfter, c.want)
		}
		f.Now = created().Add(90 * time.Minute)
		wait := 30*time.Minute + time.Second
		if c.want == order.Nothing {
			wait = 0
		}
		if d := order.Judge(f); d.Act != order.Nothing || d.RequeueAfter != wait {
			t.Errorf("%s, before that: %q, looks again after %s, want %s", name, d.Act, d.RequeueAfter, wait)
		}
	}
}

func TestLeavingOrderIsWanted(t *testing.T) {
	o := anOrder().in(v1alpha1.OrderFulfilled).with(leaving).with(func(o *v1alpha1.Order) {
		o.Annotations["other"] = "x"
		o.Finalizers = []string{"somebody/else"}
	}).order()
	f := order.Facts{Order: o, Reservation: usualReservation(o), Mirrored: true, Now: created().Add(2 * time.Hour)}
	if d := order.Judge(f); d.Act != order.Nothing {
		t.Errorf("nobody wants anything of it: rule %s, act %s", d.Rule, d.Act)
	}
	o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"}
	for _, c := range []struct {
		mirrored bool
		want     []string
	}{
		{true, []string{"somebody/else", v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer}},
		{false, []string{"somebody/else", v1alpha1.OrderFinalizer}},
	} {
		before := o.DeepCopy()
		f.Mirrored = c.mirrored
		d := order.Judge(f)
		if d.Act != order.RestoreFinalizers {
			t.Fatalf("rule %s, act %s", d.Rule, d.Act)
		}
		if diff := cmp.Diff(before, o); diff != "" {
			t.Errorf("the judge changed what it was given (-before +after)\n%s", diff)
		}
		want := before
		want.Finalizers = c.want
		want.Annotations = map[string]string{"other": "x"}
		if diff := cmp.Diff(want, d.Order); diff != "" {
			t.Errorf("mirrored %t (-want +got)\n%s", c.mirrored, diff)
		}
	}
}

// What rests on an absence is looked up before the finalizers are put back for it.
func TestLeavingOrderIsWantedForSure(t *testing.T) {
	o := anOrder().in(v1alpha1.OrderReturnRequested).with(leaving).with(func(o *v1alpha1.Order) {
		o.Status.Return.State = v1alpha1.ReturnApproved
	}).order()
	d := order.Judge(order.Facts{Order: o, Mirrored: true, Now: created().Add(2 * time.Hour)})
	if d.Act != order.RestoreFinalizers || d.Verify != order.VerifyReservation {
		t.Errorf("act %s, verify %q", d.Act, d.Verify)
	}
}

// A deleted order has its last word before anything of it goes.
func TestDeletedOrderEnds(t *testing.T) {
	shipped := func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{} }
	for name, c := range map[string]struct {
		phase     v1alpha1.OrderPhase
		edit      func(*v1alpha1.Order)
		rsv       v1alpha1.StockReservationPhase
		intent    v1alpha1.ReservationIntent
		becomes   v1alpha1.OrderPhase
		wantsNone bool
	}{
		"pending":                       {v1alpha1.OrderPending, mirroredOrder, v1alpha1.ReservationPending, v1alpha1.IntentHold, v1alpha1.OrderCancelled, false},
		"pending and short":             {v1alpha1.OrderPending, mirroredOrder, v1alpha1.ReservationRejected, v1alpha1.IntentHold, v1alpha1.OrderCancelled, false},
		"confirmed":                     {v1alpha1.OrderConfirmed, mirroredOrder, v1alpha1.ReservationReserved, v1alpha1.IntentHold, v1alpha1.OrderCancelled, false},
		"shipment is asked for":         {v1alpha1.OrderConfirmed, shipped, v1alpha1.ReservationReserved, v1alpha1.IntentHold, v1alpha1.OrderCancelled, false},
		"shipment is under way":         {v1alpha1.OrderConfirmed, shipped, v1alpha1.ReservationReserved, v1alpha1.IntentCommit, "", true},
		"shipment won":                  {v1alpha1.OrderConfirmed, shipped, v1alpha1.ReservationCommitted, v1alpha1.IntentCommit, v1alpha1.OrderFulfilled, false},
		"shipment lost its reservation": {v1alpha1.OrderConfirmed, shipped, "", "", v1alpha1.OrderCancelled, false},
		"committed by hand":             {v1alpha1.OrderConfirmed, mirroredOrder, v1alpha1.ReservationCommitted, v1alpha1.IntentCommit, v1alpha1.OrderCancelled, false},
		"cancelled before":              {v1alpha1.OrderCancelled, mirroredOrder, v1alpha1.ReservationReleased, v1alpha1.IntentRelease, "", false},
		"fulfilled before":              {v1alpha1.OrderFulfilled, mirroredOrder, v1alpha1.ReservationCommitted, v1alpha1.IntentCommit, "", false},
		"it was leaving": {v1alpha1.OrderFulfilled, func(o *v1alpha1.Order) {
			o.Annotations = map[string]string{v1alpha1.LeavingAnnotation: "true"}
		}, v1alpha1.ReservationCommitted, v1alpha1.IntentCommit, "", false},
		"the mirror does not keep it": {v1alpha1.OrderConfirmed, func(*v1alpha1.Order) {}, v1alpha1.ReservationReserved, v1alpha1.IntentHold, "", false},
		"its own finalizer is off it": {v1alpha1.OrderConfirmed, func(o *v1alpha1.Order) { o.Finalizers = []string{v1alpha1.MirrorFinalizer} }, v1alpha1.ReservationReserved, v1alpha1.IntentHold, "", true},
		"a cancellation was asked for, as well": {v1alpha1.OrderConfirmed, func(o *v1alpha1.Order) {
			o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelPaymentFailed}
		}, v1alpha1.ReservationReserved, v1alpha1.IntentHold, v1alpha1.OrderCancelled, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := anOrder().in(c.phase).with(deleted).with(func(o *v1alpha1.Order) {
				if name != "the mirror does not keep it" {
					mirroredOrder(o)
				}
			}).with(c.edit).order()
			f := order.Facts{Order: o, Mirrored: true, Now: created().Add(2 * time.Hour)}
			if c.rsv != "" {
				f.Reservation = aReservation(o, c.rsv)
				f.Reservation.Spec.Intent = c.intent
			}
			d := order.Judge(f)
			switch {
			case c.wantsNone:
				if d.Act != order.Nothing {
					t.Errorf("act %s", d.Act)
				}
			case c.becomes == "":
				if d.Act != order.DeleteReservation {
					t.Errorf("act %s", d.Act)
				}
			case d.Act != order.WriteStatus || d.Status.Phase != c.becomes:
				t.Errorf("act %s, status %+v", d.Act, d.Status)
			case c.becomes == v1alpha1.OrderCancelled:
				last := d.Status.History[len(d.Status.History)-1]
				if last.Type != v1alpha1.HistoryCancelled || last.Reason != "CUSTOMER_REQUEST" || last.Message != "deleted" ||
					d.Status.CancelledReason != v1alpha1.CancelCustomerRequest || d.Verify != order.VerifyReservation {
					t.Errorf("%+v, cancelled for %s, verify %q", last, d.Status.CancelledReason, d.Verify)
				}
			}
		})
	}
}

// An order whose archive nobody asked is confirmed, and not shipped.
func TestShipmentWaits(t *testing.T) {
	f := order.Facts{Order: anOrder().in(v1alpha1.OrderConfirmed).with(mirroredOrder).with(unasked).with(func(o *v1alpha1.Order) {
		o.Spec.Fulfillment = &v1alpha1.Fulfillment{}
		o.Generation++
	}).order(), Mirrored: true, Now: created().Add(2 * time.Hour)}
	f.Reservation = aReservation(f.Order, v1alpha1.ReservationReserved)
	d := order.Judge(f)
	if d.Act != order.WriteStatus || d.Status.Phase != v1alpha1.OrderConfirmed {
		t.Fatalf("rule %s, act %s", d.Rule, d.Act)
	}
	told := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.OrderConditionReconciling)
	if told == nil || told.Status != metav1.ConditionTrue || told.ObservedGeneration != f.Order.Generation {
		t.Errorf("nobody is told why: %+v", told)
	}
	f.Order = f.Order.DeepCopy()
	f.Order.Status = *d.Status
	if d := order.Judge(f); d.Act != order.Nothing {
		t.Errorf("told twice: rule %s, act %s", d.Rule, d.Act)
	}
	f.Order = f.Order.DeepCopy()
	f.Order.Annotations = nil
	if d := order.Judge(f); d.Act != order.UpdateReservation || d.Reservation.Spec.Intent != v1alpha1.IntentCommit {
		t.Errorf("the mark is gone: rule %s, act %s", d.Rule, d.Act)
	}
}

func TestReservationIsKeptForTheMirror(t *testing.T) {
	for _, phase := range []v1alpha1.OrderPhase{v1alpha1.OrderPending, v1alpha1.OrderConfirmed} {
		for name, edit := range map[string]func(*v1alpha1.Order){"": func(*v1alpha1.Order) {}, v1alpha1.MirrorFinalizer: mirroredOrder} {
			f := order.Facts{Order: anOrder().in(phase).with(edit).order(), Now: created()}
			d := order.Judge(f)
			if d.Act == order.WriteStatus { // that the reservation of a Confirmed order was lost
				f.Order = f.Order.DeepCopy()
				f.Order.Status = *d.Status
				d = order.Judge(f)
			}
			if d.Act != order.CreateReservation || slices.Contains(d.Reservation.Finalizers, v1alpha1.MirrorFinalizer) != (name != "") {
				t.Errorf("%s of an order with %q: act %s, %+v", phase, name, d.Act, d.Reservation)
			}
		}
	}
}
