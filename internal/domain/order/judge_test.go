package order_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// The API keeps times in whole seconds: what is stored as 12:00:00 happened before 12:00:01.
// Where a deadline falls into the second of now it is not over for sure, and nothing is taken
// away from anybody: an order is not timed out, a return is in time, nothing is deleted.
func TestDeadlines(t *testing.T) {
	shipped := created().Add(time.Hour)
	hour := metav1.Duration{Duration: time.Hour}
	in := func(phase v1alpha1.OrderPhase, edit func(*v1alpha1.Order)) order.Facts {
		o := anOrder().in(phase).with(edit).order()
		return order.Facts{Order: o, Reservation: usualReservation(o)}
	}
	untouched := func(*v1alpha1.Order) {}
	asked := func(o *v1alpha1.Order) { o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"} }
	kept := func(o *v1alpha1.Order) { o.Spec.Policy = &v1alpha1.OrderPolicy{Retention: &hour} }
	notKept := func(o *v1alpha1.Order) { o.Spec.Policy = &v1alpha1.OrderPolicy{Retention: &metav1.Duration{}} }
	for _, c := range []struct {
		name         string
		facts        order.Facts
		deadline     time.Time
		before, over string
	}{
		{"15 minutes in Pending", in(v1alpha1.OrderPending, untouched), created().Add(15 * time.Minute), "", "PendingTooLong"},
		{"the return window", in(v1alpha1.OrderFulfilled, asked), shipped.Add(720 * time.Hour), "Requested", "Refused"},
		{"retention of a cancelled order", in(v1alpha1.OrderCancelled, kept), shipped.Add(time.Hour), "", "RetentionIsOver"},
		{"retention of a returned order", in(v1alpha1.OrderReturned, kept), shipped.Add(time.Hour), "", "RetentionIsOver"},
		{"retention of a shipped order begins when its return window ends", in(v1alpha1.OrderFulfilled, kept), shipped.Add(721 * time.Hour), "", "RetentionIsOver"},
		{"no retention at all", in(v1alpha1.OrderReturned, notKept), shipped, "", "RetentionIsOver"},
		{"no retention at all, but a return window", in(v1alpha1.OrderFulfilled, notKept), shipped.Add(720 * time.Hour), "", "RetentionIsOver"},
	} {
		for _, at := range []struct {
			offset time.Duration
			want   string
		}{
			{-time.Second, c.before}, {-1, c.before}, {0, c.before}, {1, c.before}, {time.Second - 1, c.before},
			{time.Second, c.over}, {time.Second + 1, c.over}, {time.Hour, c.over},
		} {
			f := c.facts
			f.Now = c.deadline.Add(at.offset)
			d := order.Judge(f)
			got := d.Rule
			if got == "ReturnIsAsked" {
				got = string(d.Status.Return.State)
			}
			if got != at.want {
				t.Errorf("%s, %s after it: %q, want %q", c.name, at.offset, got, at.want)
			}
			if wait := time.Second - at.offset; at.want == "" && d.RequeueAfter != wait {
				t.Errorf("%s, %s after it: looks again after %s, want %s", c.name, at.offset, d.RequeueAfter, wait)
			}
		}
	}
}

// A return that was asked for in time is in time, however late it is judged.
func TestAReturnAskedInTimeIsInTime(t *testing.T) {
	deadline := created().Add(time.Hour + 720*time.Hour)
	for name, c := range map[string]struct {
		asked, judged time.Duration
		want          v1alpha1.ReturnState
	}{
		"in time, judged in time":             {-time.Hour, -time.Minute, v1alpha1.ReturnRequested},
		"in time, judged a day late":          {-time.Hour, 24 * time.Hour, v1alpha1.ReturnRequested},
		"in the last second, judged late":     {0, time.Hour, v1alpha1.ReturnRequested},
		"a second late":                       {time.Second, time.Hour, v1alpha1.ReturnRefused},
		"by a clock that is ahead of judging": {24 * time.Hour, -time.Minute, v1alpha1.ReturnRequested},
	} {
		asked := metav1.NewTime(deadline.Add(c.asked))
		o := anOrder().in(v1alpha1.OrderFulfilled).with(func(o *v1alpha1.Order) {
			o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken", RequestedAt: &asked}
		}).order()
		d := order.Judge(order.Facts{Order: o, Reservation: usualReservation(o), Now: deadline.Add(c.judged)})
		if d.Rule != "ReturnIsAsked" || d.Status.Return.State != c.want {
			t.Errorf("%s: rule %q, %+v; want %s", name, d.Rule, d.Status, c.want)
		}
	}
}

// An order that needs nothing gets nothing: no write, and no look unless there is a deadline.
func TestAtRest(t *testing.T) {
	for _, phase := range allPhases() {
		o := anOrder().in(phase).order()
		f := order.Facts{Order: o, Reservation: usualReservation(o), Now: created().Add(2 * time.Minute)}
		run(t, &f)
		d := order.Judge(f)
		want := order.Decision{}
		if phase == v1alpha1.OrderPending {
			want.RequeueAfter = 13*time.Minute + time.Second
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("%s (-want +got)\n%s", phase, diff)
		}
	}
}

// The judge reads what it is given from a shared cache: it may change none of it.
func TestJudgeChangesNothingItIsGiven(t *testing.T) {
	for name, play := range sequences() {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			play(s)
			f := s.facts()
			if f.Order == nil {
				return
			}
			f.Order.Generation++
			o, r := f.Order.DeepCopy(), f.Reservation.DeepCopy()
			for _, later := range []time.Duration{0, time.Hour, 10000 * time.Hour} {
				f.Now = s.now.Add(later)
				order.Judge(f)
			}
			if diff := cmp.Diff(o, f.Order); diff != "" {
				t.Errorf("order (-before +after)\n%s", diff)
			}
			if diff := cmp.Diff(r, f.Reservation); diff != "" {
				t.Errorf("reservation (-before +after)\n%s", diff)
			}
		})
	}
}

func TestNewReservation(t *testing.T) {
	o := anOrder().order()
	o.Annotations = map[string]string{v1alpha1.TraceIDAnnotation: "t", v1alpha1.TraceParentAnnotation: "p", "other": "x"}
	d := order.Judge(order.Facts{Order: o, Now: created()})
	yes, no := true, false
	want := &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "o-1",
			Annotations: map[string]string{v1alpha1.TraceIDAnnotation: "t", v1alpha1.TraceParentAnnotation: "p"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "orderplane.dev/v1alpha1", Kind: "Order", Name: "o-1", UID: "uid-1",
				Controller: &yes, BlockOwnerDeletion: &no,
			}},
		},
		Spec: v1alpha1.StockReservationSpec{
			OrderRef: &v1alpha1.OrderReference{Name: "o-1", UID: "uid-1"},
			Lines:    []v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 5}, {ProductID: "prod-002", Quantity: 1}},
			Intent:   v1alpha1.IntentHold,
		},
	}
	if diff := cmp.Diff(want, d.Reservation); d.Act != order.CreateReservation || diff != "" {
		t.Errorf("%s (-want +got)\n%s", d.Act, diff)
	}
	if d.RequeueAfter != 15*time.Minute+time.Second {
		t.Errorf("looks again after %s", d.RequeueAfter)
	}
}

func TestAbsencesAreVerified(t *testing.T) {
	confirmed := anOrder().in(v1alpha1.OrderConfirmed).order()
	deleted := anOrder().in(v1alpha1.OrderConfirmed).with(func(o *v1alpha1.Order) {
		now := metav1.NewTime(created())
		o.DeletionTimestamp = &now
	}).order()
	approved := anOrder().in(v1alpha1.OrderReturnRequested).with(func(o *v1alpha1.Order) {
		o.Status.Return.State = v1alpha1.ReturnApproved
	}).order()
	again := anOrder().with(func(o *v1alpha1.Order) { o.UID = "uid-2" }).order()
	waited := anOrder().with(func(o *v1alpha1.Order) {
		o.CreationTimestamp = metav1.NewTime(created().Add(-time.Hour))
	}).order()
	stale := aReservation(confirmed, v1alpha1.ReservationReserved)
	undecided := aReservation(confirmed, v1alpha1.ReservationPending)
	for name, c := range map[string]struct {
		facts order.Facts
		want  order.Verify
	}{
		"a confirmed order without reservation":      {order.Facts{Order: confirmed}, order.VerifyReservation},
		"a deleted order without reservation":        {order.Facts{Order: deleted}, order.VerifyReservation},
		"an approved return without reservation":     {order.Facts{Order: approved}, order.VerifyReservation},
		"a reservation of an earlier order":          {order.Facts{Order: again, Reservation: stale}, order.VerifyOrderAbsent},
		"a confirmed order that nobody decided":      {order.Facts{Order: confirmed, Reservation: undecided}, order.VerifyReservation},
		"a time-out of an order that nobody decided": {order.Facts{Order: waited, Reservation: aReservation(waited, v1alpha1.ReservationPending)}, order.VerifyReservation},
		"a confirmed order that has a reservation":   {order.Facts{Order: confirmed, Reservation: stale}, order.VerifyNothing},
		"a new order that has no reservation so far": {order.Facts{Order: anOrder().order()}, order.VerifyNothing},
	} {
		c.facts.Now = created()
		if d := order.Judge(c.facts); d.Verify != c.want {
			t.Errorf("%s: verify %q (rule %s), want %q", name, d.Verify, d.Rule, c.want)
		}
	}
	if d := order.Orphan(stale); d.Act != order.DeleteReservation || d.Verify != order.VerifyOrderAbsent {
		t.Errorf("an orphan: %+v", d)
	}
	basket := stale.DeepCopy()
	basket.Spec.OrderRef = nil
	if d := order.Orphan(basket); d.Act != order.Nothing {
		t.Errorf("a basket that no order ever had: %+v", d)
	}
}

func TestWhoAsked(t *testing.T) {
	for _, c := range []struct {
		requester v1alpha1.Requester
		want      string
	}{
		{v1alpha1.Requester{}, ""},
		{v1alpha1.Requester{RequestedBy: "olga"}, "olga"},
		{v1alpha1.Requester{RequestedBy: "gateway", OnBehalfOf: "customer-1"}, "gateway for customer-1"},
		{v1alpha1.Requester{OnBehalfOf: "customer-1"}, "for customer-1"},
	} {
		o := anOrder().order()
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest, Requester: c.requester}
		d := order.Judge(order.Facts{Order: o, Now: created()})
		if got := d.Status.History[1].By; got != c.want {
			t.Errorf("%+v: by %q, want %q", c.requester, got, c.want)
		}
	}
}

func TestLongMessagesFit(t *testing.T) {
	o := anOrder().in(v1alpha1.OrderPending).order()
	r := aReservation(o, v1alpha1.ReservationRejected)
	r.Status.Shortages = nil
	for range 100 {
		r.Status.Shortages = append(r.Status.Shortages, v1alpha1.StockShortage{
			ProductID: strings.Repeat("ü", 200), Requested: 100_000_000, Available: -1_000_000_000_000, Reason: v1alpha1.ShortageOversold,
		})
	}
	d := order.Judge(order.Facts{Order: o, Reservation: r, Now: created()})
	for _, e := range d.Status.History {
		if n := len([]rune(e.Message)); n > 1024 {
			t.Errorf("%s: a message of %d characters", e.Type, n)
		}
	}
}

func TestClassOf(t *testing.T) {
	named := func(name string, age time.Duration, isDefault bool) v1alpha1.OrderClass {
		c := v1alpha1.OrderClass{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(created().Add(-age))}}
		if isDefault {
			c.Annotations = map[string]string{v1alpha1.OrderClassDefaultAnnotation: "true"}
		}
		return c
	}
	classes := []v1alpha1.OrderClass{
		named("plain", time.Hour, false), named("old", 2*time.Hour, true), named("new", time.Hour, true), named("newer-by-name", time.Hour, true),
	}
	for name, want := range map[string]string{"plain": "plain", "old": "old", "": "new", "none": ""} {
		got := ""
		if c := order.ClassOf(name, classes); c != nil {
			got = c.Name
		}
		if got != want {
			t.Errorf("class of %q is %q, want %q", name, got, want)
		}
	}
	if c := order.ClassOf("", classes[:1]); c != nil {
		t.Errorf("%s is nobody's default", c.Name)
	}
}
