package journal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

func journalOf(entries ...v1alpha1.JournalEntry) *v1alpha1.StockJournal {
	j := &v1alpha1.StockJournal{}
	for i, e := range entries {
		e.Seq = int64(i + 1)
		j.Status.Entries = append(j.Status.Entries, e)
	}
	return j
}

func TestAReservationIsAsItWasDecided(t *testing.T) {
	const mine, other = "rsv-uid-1", "rsv-uid-2"
	for name, c := range map[string]struct {
		shows   v1alpha1.StockReservationPhase
		entries []v1alpha1.JournalEntry
		want    v1alpha1.StockReservationPhase
	}{
		"nothing decided":      {v1alpha1.ReservationPending, nil, v1alpha1.ReservationPending},
		"about another":        {v1alpha1.ReservationPending, []v1alpha1.JournalEntry{{Kind: v1alpha1.EntryGrant, UID: other}}, v1alpha1.ReservationPending},
		"granted":              {v1alpha1.ReservationPending, []v1alpha1.JournalEntry{{Kind: v1alpha1.EntryGrant, UID: mine}}, v1alpha1.ReservationReserved},
		"rejected":             {v1alpha1.ReservationPending, []v1alpha1.JournalEntry{{Kind: v1alpha1.EntryReject, UID: mine}}, v1alpha1.ReservationRejected},
		"granted and released": {v1alpha1.ReservationPending, []v1alpha1.JournalEntry{{Kind: v1alpha1.EntryGrant, UID: mine}, {Kind: v1alpha1.EntryRelease, UID: mine}}, v1alpha1.ReservationReleased},
		"shown already":        {v1alpha1.ReservationCommitted, []v1alpha1.JournalEntry{{Kind: v1alpha1.EntryGrant, UID: mine}}, v1alpha1.ReservationCommitted},
		"a document":           {v1alpha1.ReservationPending, []v1alpha1.JournalEntry{{Kind: v1alpha1.EntryAdjust, UID: mine}}, v1alpha1.ReservationPending},
	} {
		shown := &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{UID: mine}, Status: v1alpha1.StockReservationStatus{Phase: c.shows}}
		before := shown.DeepCopy()
		if got := journal.AsDecided(shown, journalOf(c.entries...)).Status.Phase; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if diff := cmp.Diff(before, shown); diff != "" {
			t.Errorf("%s: the cache's object was changed\n%s", name, diff)
		}
	}
}

func TestWhomAJournalIsNewsTo(t *testing.T) {
	j := journalOf(
		v1alpha1.JournalEntry{Kind: v1alpha1.EntryGrant, Name: "old"}, v1alpha1.JournalEntry{Kind: v1alpha1.EntryGrant, Name: "new"},
		v1alpha1.JournalEntry{Kind: v1alpha1.EntryAdjust, Name: "delivery"}, v1alpha1.JournalEntry{Kind: v1alpha1.EntryReject, Name: "short"},
	)
	if diff := cmp.Diff([]string{"new", "short"}, journal.DecidedSince(j, 1)); diff != "" {
		t.Error(diff)
	}
}
