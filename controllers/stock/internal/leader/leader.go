// Package leader holds the stock journal of one namespace: it takes it from whoever
// had it, swaps it, and finds out when somebody else has taken it.
package leader

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// ErrLost says that another leader has the journal, or may have.
var ErrLost = errors.New("lost the stock journal")

// Leader is this process as the holder of a namespace's journal. All of it belongs to
// the one goroutine that reconciles the namespace.
type Leader struct {
	namespace, holder string
	store             *store.Store
	clock             clock.PassiveClock
	swapped           func(took time.Duration, err error)

	journal *v1alpha1.StockJournal // nil while it does not lead
	pending []*journal.Pending
	// suspect is true when there is reason to doubt that it still leads.
	suspect bool
}

// New makes a leader that does not lead yet. holder names this process in the
// journal; swapped is told about every swap, err being nil when it succeeded.
func New(namespace, holder string, s *store.Store, c clock.PassiveClock, swapped func(took time.Duration, err error)) *Leader {
	return &Leader{namespace: namespace, holder: holder, store: s, clock: c, swapped: swapped}
}

// Leads reports whether this process has the journal, as far as it knows.
func (l *Leader) Leads() bool { return l.journal != nil }

// Fence takes the journal: whoever had it can't swap it any more. What it holds are
// the pending entries from now on, none of whose effects was seen yet.
func (l *Leader) Fence(ctx context.Context) error {
	j, err := l.store.Journal(ctx, l.namespace)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	l.journal = j
	if err := l.swap(ctx, journal.Fenced(j.Status, l.holder, l.clock.Now())); err != nil {
		return err
	}
	l.pending = journal.AllPending(l.journal.Status.Entries)
	return nil
}

// Forget drops what a leader holds.
func (l *Leader) Forget() { l.journal, l.pending, l.suspect = nil, nil, false }

// Epoch counts how often the journal was taken over.
func (l *Leader) Epoch() int64 { return l.journal.Status.Epoch }

// Seq is the number of the last decision in the journal.
func (l *Leader) Seq() int64 { return l.journal.Status.Seq }

// Pending are the entries of the journal, in order of seq. Some may be durable: those
// leave it with the next swap.
func (l *Leader) Pending() []*journal.Pending { return l.pending }

// Kept are the pending entries that must stay in the journal.
func (l *Leader) Kept() []*journal.Pending { return journal.Keep(l.pending) }

// Append writes what must stay and what was decided into the journal, with the
// resourceVersion this leader last saw. ErrLost means that somebody else wrote it.
func (l *Leader) Append(ctx context.Context, decided []*v1alpha1.JournalEntry) error {
	kept := l.Kept()
	if err := l.swap(ctx, journal.Next(l.journal.Status, kept, decided)); err != nil {
		return err
	}
	for _, e := range decided {
		kept = append(kept, journal.NewPending(e))
	}
	l.pending, l.suspect = kept, false
	return nil
}

// SetCondition writes a condition of the journal when it changes.
func (l *Leader) SetCondition(ctx context.Context, c metav1.Condition) error {
	next := *l.journal.Status.DeepCopy()
	if !meta.SetStatusCondition(&next.Conditions, c) {
		return nil
	}
	kept := l.Kept()
	if err := l.swap(ctx, journal.Next(next, kept, nil)); err != nil {
		return err
	}
	l.pending = kept
	return nil
}

// swap swaps the journal's status. When the answer is unclear it reads the journal:
// only if that is to the letter what was written was it written.
func (l *Leader) swap(ctx context.Context, next v1alpha1.StockJournalStatus) error {
	j := &v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{
		Namespace: l.namespace, Name: l.journal.Name, UID: l.journal.UID, ResourceVersion: l.journal.ResourceVersion,
	}, Status: next}
	started := l.clock.Now()
	err := l.store.SwapJournal(ctx, j)
	l.swapped(l.clock.Since(started), err)
	switch {
	case err == nil:
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return fmt.Errorf("%w of %s: %w", ErrLost, l.namespace, err)
	default:
		live, get := l.store.LiveJournal(ctx, l.namespace)
		if get != nil || live.UID != j.UID || !journal.Same(&live.Status, &next) {
			return fmt.Errorf("%w of %s: the answer to a write of it is unclear: %w", ErrLost, l.namespace, err)
		}
		j.ResourceVersion = live.ResourceVersion
	}
	l.journal = j
	return nil
}

// Suspect notes that somebody else may lead: an object shows what this leader did not
// write, or something can't be taken back once it is done.
func (l *Leader) Suspect() { l.suspect = true }

// VerifyLeadership makes sure that this process still leads, when there is reason to
// doubt it. A leader finds out at its next swap anyway; until then it would show
// people what it remembers.
func (l *Leader) VerifyLeadership(ctx context.Context) error {
	if !l.suspect {
		return nil
	}
	live, err := l.store.LiveJournal(ctx, l.namespace)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w of %s: somebody deleted it", ErrLost, l.namespace)
	case cachedclient.WasSetAside(err):
		return fmt.Errorf("%w of %s: %w", ErrLost, l.namespace, err)
	case err != nil:
		return fmt.Errorf("read the stock journal of %s: %w", l.namespace, err)
	}
	if live.UID != l.journal.UID || live.ResourceVersion != l.journal.ResourceVersion {
		return fmt.Errorf("%w of %s: somebody else wrote it", ErrLost, l.namespace)
	}
	l.suspect = false
	return nil
}
