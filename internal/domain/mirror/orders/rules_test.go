package orders_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
)

func TestApplySaysWhatIsToldNow(t *testing.T) {
	row := orders.Row{Identity: "a", RV: 10, Seq: 2, State: orders.Live, MirroredAt: time.Unix(5, 0)}
	for name, c := range map[string]struct {
		row  orders.Row
		v    orders.Version
		want orders.Applied
	}{
		"the first version of all": {
			v:    orders.Version{Identity: "a", RV: 4, Entries: 3},
			want: orders.Applied{Counts: true, Grown: true, Row: orders.Row{Identity: "a", RV: 4, Seq: 3, State: orders.Live}},
		},
		"a version that can't be told yet": {
			v: orders.Version{Identity: "a", RV: 4},
		},
		"more entries": {
			row: row, v: orders.Version{Identity: "a", RV: 12, Entries: 4},
			want: orders.Applied{Counts: true, Grown: true, After: 2, Row: orders.Row{Identity: "a", RV: 12, Seq: 4, State: orders.Live, MirroredAt: row.MirroredAt}},
		},
		"a newer version with the same entries keeps mirrored_at": {
			row: row, v: orders.Version{Identity: "a", RV: 12, Entries: 2},
			want: orders.Applied{Counts: true, After: 2, Row: orders.Row{Identity: "a", RV: 12, Seq: 2, State: orders.Live, MirroredAt: row.MirroredAt}},
		},
		"the version that is in the row":    {row: row, v: orders.Version{Identity: "a", RV: 10, Entries: 2}},
		"fewer entries, whatever their age": {row: row, v: orders.Version{Identity: "a", RV: 99, Entries: 1}},
		"an older holder of the name":       {row: row, v: orders.Version{Identity: "b", RV: 9, Entries: 7}},
		"a repeat":                          {row: row, v: orders.Version{Identity: "b", RV: 11, Entries: 1, ByGateway: true}},
		"a new order of a name that was free": {
			row: row, v: orders.Version{Identity: "b", RV: 11, Entries: 1},
			want: orders.Applied{Counts: true, Grown: true, Row: orders.Row{Identity: "b", RV: 11, Seq: 1, State: orders.Live}},
		},
		"the end of an order that was forced away": {
			row: row, v: orders.Version{Identity: "a", RV: 11, Entries: 3, Last: true},
			want: orders.Applied{Counts: true, Grown: true, After: 2, Row: orders.Row{Identity: "a", RV: 11, Seq: 3, State: orders.Gone, MirroredAt: row.MirroredAt}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := orders.Apply(c.row, c.v); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestOnlyStepsThatLetGoMarkTheRow(t *testing.T) {
	for step, want := range map[orders.Step]orders.State{
		orders.Nothing: "", orders.Adopt: "", orders.ClearMark: "", orders.Refuse: "", orders.LetRefusedGo: "",
		orders.LetGo: orders.Gone, orders.TakeOff: "", orders.MarkArchived: orders.Archived, orders.Delete: "",
	} {
		if got, marks := step.Marks(); got != want || marks != (want != "") {
			t.Errorf("%s marks the row as %q", step, got)
		}
	}
}

func TestAnOrderLeavesOnlyWhenEverythingIsOver(t *testing.T) {
	row := orders.Row{MirroredAt: time.Unix(1000, 0)}
	due := orders.Archiving{Judged: true, ReservationTold: true, Delay: time.Minute, Now: time.Unix(1060, 0)}
	if !due.Due(row) {
		t.Error("an order for which all is over is not due")
	}
	for what, change := range map[string]func(*orders.Archiving){
		"the judge has something to do":     func(a *orders.Archiving) { a.Judged = false },
		"its reservation is not told":       func(a *orders.Archiving) { a.ReservationTold = false },
		"it is kept":                        func(a *orders.Archiving) { a.Kept = true },
		"the row is younger than the delay": func(a *orders.Archiving) { a.Now = a.Now.Add(-time.Nanosecond) },
	} {
		a := due
		if change(&a); a.Due(row) {
			t.Errorf("it is due although %s", what)
		}
	}
}

func TestReservationEnded(t *testing.T) {
	for _, c := range []struct {
		phase  v1alpha1.StockReservationPhase
		intent v1alpha1.ReservationIntent
		want   bool
	}{
		{"", "", false},
		{v1alpha1.ReservationPending, v1alpha1.IntentHold, false},
		{v1alpha1.ReservationReserved, v1alpha1.IntentHold, false},
		{v1alpha1.ReservationRejected, v1alpha1.IntentHold, true},
		{v1alpha1.ReservationReleased, v1alpha1.IntentRelease, true},
		{v1alpha1.ReservationCommitted, v1alpha1.IntentCommit, true},
		{v1alpha1.ReservationCommitted, v1alpha1.IntentRestock, false},
		{v1alpha1.ReservationRestocked, v1alpha1.IntentRestock, true},
	} {
		r := &v1alpha1.StockReservation{Spec: v1alpha1.StockReservationSpec{Intent: c.intent}, Status: v1alpha1.StockReservationStatus{Phase: c.phase}}
		if got := orders.ReservationEnded(r); got != c.want {
			t.Errorf("%s with intent %s: ended %t", c.phase, c.intent, got)
		}
	}
}
