package stock

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// takeOver makes this process the leader of the namespace: T1 to T3 of the
// protocol, as internal/stock states it.
func (s *shard) takeOver(ctx context.Context) error {
	// The lists of T3 are newer than everything that arrived so far.
	s.inbox.clear()

	j, err := s.store.journal(ctx, s.namespace)
	if err != nil {
		return fmt.Errorf("T1: read the journal: %w", err)
	}
	s.journal = j
	next := *j.Status.DeepCopy()
	next.Epoch++
	next.Holder = s.opts.Holder
	if err := s.putJournal(ctx, next); err != nil {
		return fmt.Errorf("T1: %w", err)
	}

	for _, o := range journal.AllPending(s.journal.Status.Entries) {
		s.open = append(s.open, &openEntry{Pending: o})
	}
	if err := s.redo(ctx); err != nil {
		return fmt.Errorf("T2: carry out what the journal holds: %w", err)
	}
	if err := s.read(ctx); err != nil {
		return fmt.Errorf("T3: %w", err)
	}
	logr.FromContextOrDiscard(ctx).Info("took over the stock journal", "epoch", s.journal.Status.Epoch, "seq", s.ledger.Seq(), "waiting", s.inbox.len())
	s.metrics.tookOver(s.namespace)
	return nil
}

// firstAudit is how long after a take-over the objects are looked at again:
// soon, since informers may have been behind the lists it was made from.
const firstAudit = time.Minute

// read makes the ledger from consistent lists and offers everything that may
// be due, oldest first.
func (s *shard) read(ctx context.Context) error {
	items, err := s.store.items(ctx, s.namespace)
	if err != nil {
		return err
	}
	reservations, err := s.store.reservations(ctx, s.namespace)
	if err != nil {
		return err
	}
	documents, err := s.store.documents(ctx, s.namespace)
	if err != nil {
		return err
	}
	s.overlay(items.items, reservations.items, documents.items)
	s.ledger = stock.NewLedger(s.journal.Status.Seq, items.items, reservations.items, documents.items)
	s.listed = map[string]string{
		"StockItem": items.resourceVersion, "StockReservation": reservations.resourceVersion, "StockAdjustment": documents.resourceVersion,
	}
	s.offer(reservations.items, documents.items)
	for i := range items.items {
		s.touch(items.items[i].Name)
	}
	s.noteDrift(ctx, s.ledger.Audit(items.items, reservations.items))
	s.nextAudit = time.Now().Add(min(firstAudit, s.opts.AuditInterval))
	return nil
}

// overlay carries out on the listed copies what the API server refused to have
// written on the objects themselves, so that one such object does not keep the
// rest of the namespace waiting.
func (s *shard) overlay(items []v1alpha1.StockItem, reservations []v1alpha1.StockReservation, documents []v1alpha1.StockAdjustment) {
	s.open = s.kept()
	if len(s.open) == 0 {
		return
	}
	var entries []*v1alpha1.JournalEntry
	for _, o := range s.open {
		entries = append(entries, o.Entry)
		for i := range reservations {
			if string(reservations[i].UID) == o.Entry.UID {
				reservations[i] = *reservations[i].DeepCopy()
				journal.ApplyToReservation(o.Entry, &reservations[i])
			}
		}
		for i := range documents {
			if string(documents[i].UID) == o.Entry.UID {
				documents[i] = *documents[i].DeepCopy()
				journal.ApplyToDocument(o.Entry, &documents[i])
			}
		}
	}
	for i := range items {
		items[i] = *items[i].DeepCopy()
		journal.ApplyToItem(entries, &items[i])
	}
}

// offer puts what may be due before everything that arrived since, in the
// order in which it was created.
func (s *shard) offer(reservations []v1alpha1.StockReservation, documents []v1alpha1.StockAdjustment) {
	var events []event
	for i := range reservations {
		r := &reservations[i]
		if mayBeDue(r) {
			events = append(events, event{object: r.DeepCopy()})
		}
		if r.Spec.ExpiresAt != nil {
			s.expiry.track(r, s.ledger.Phase(r.UID))
		}
	}
	for i := range documents {
		if d := &documents[i]; !s.ledger.Settled(d.UID) {
			events = append(events, event{object: d.DeepCopy()})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return byCreation(a.object, b.object) })
	s.inbox.putFirst(events)
}

// mayBeDue reports whether the ledger may have something to decide about a
// reservation as it stands; it leaves out what is held or over.
func mayBeDue(r *v1alpha1.StockReservation) bool {
	switch r.Status.Phase {
	case v1alpha1.ReservationPending, "":
		return true
	case v1alpha1.ReservationReserved:
		return r.Spec.Intent != v1alpha1.IntentHold || r.DeletionTimestamp != nil
	case v1alpha1.ReservationCommitted:
		return r.Spec.Intent == v1alpha1.IntentRestock
	}
	return false
}

// byCreation is the order of arrival of objects found in a list. Creation times
// have whole seconds; within one, the resourceVersion of an object nobody
// touched since is the order in which they were made.
func byCreation(a, b client.Object) int {
	if c := a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time); c != 0 {
		return c
	}
	if c, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion()); err == nil && c != 0 {
		return c
	}
	return strings.Compare(a.GetName(), b.GetName())
}
