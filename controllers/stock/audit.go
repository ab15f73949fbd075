package stock

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// nextLook is how long to wait when no event comes: until a reservation runs
// out, an effect is to be tried again, a projection is due, or an audit is.
func (s *shard) nextLook() time.Duration {
	now := time.Now()
	in := max(s.nextAudit.Sub(now), time.Second)
	sooner := func(d time.Duration) { in = min(in, max(d, time.Millisecond)) }
	if at, ok := s.expiry.next(); ok {
		sooner(at.Sub(s.opts.Clock.Now()))
	}
	if at, ok := s.retries.next(); ok {
		sooner(at.Sub(now))
	}
	if wait, ok := s.projector.next(now); ok {
		sooner(wait)
	}
	return in
}

// wakeExpired offers the reservations whose time is up, as they are now: one
// whose expiresAt moved meanwhile is not over. A cache that is behind the lists
// of the take-over is not asked.
func (s *shard) wakeExpired(ctx context.Context, now time.Time) error {
	for {
		e, ok := s.expiry.take(now)
		if !ok {
			return nil
		}
		key, r := client.ObjectKey{Namespace: s.namespace, Name: e.name}, &v1alpha1.StockReservation{}
		err := s.store.cached.Get(ctx, key, r)
		if err != nil || r.UID != e.uid || s.olderThanLists(r) {
			r = &v1alpha1.StockReservation{}
			err = s.store.live.Get(ctx, key, r)
		}
		switch {
		case err == nil && r.UID == e.uid:
			s.inbox.putAgain(event{object: r})
		case err != nil && !apierrors.IsNotFound(err):
			s.expiry.putBack(e)
			return fmt.Errorf("read reservation %s, whose time is up: %w", e.name, err)
		}
	}
}

// auditIfDue compares the objects with the ledger when its time has come and
// nothing is on the way between them.
func (s *shard) auditIfDue(ctx context.Context) error {
	if time.Now().Before(s.nextAudit) || len(s.kept()) > 0 || s.inbox.len() > 0 {
		return nil
	}
	items, err := s.store.items(ctx, s.namespace)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	reservations, err := s.store.reservations(ctx, s.namespace)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	s.nextAudit = time.Now().Add(s.opts.AuditInterval)
	s.touch(s.ledger.ForgetAbsent(items.items, reservations.items)...)
	drift := s.ledger.Audit(items.items, reservations.items)
	s.noteDrift(ctx, drift)
	return s.putConsistent(ctx, drift)
}

func (s *shard) noteDrift(ctx context.Context, drift []stock.Drift) {
	s.metrics.drift(s.namespace, len(drift))
	for _, d := range drift {
		logr.FromContextOrDiscard(ctx).Info("stock audit found a difference; it was not made through the journal", "difference", d.String())
	}
}

// putConsistent writes the journal's Consistent condition when it changes.
func (s *shard) putConsistent(ctx context.Context, drift []stock.Drift) error {
	next := *s.journal.Status.DeepCopy()
	c := metav1.Condition{
		Type: v1alpha1.JournalConditionConsistent, Status: metav1.ConditionTrue, Reason: "AuditPassed",
		LastTransitionTime: metav1.NewTime(s.opts.Clock.Now()),
	}
	if len(drift) > 0 {
		c.Status, c.Reason = metav1.ConditionFalse, "DriftFound"
		c.Message = fmt.Sprintf("%d differences, first: %s. Somebody wrote a status by hand; put it back, or correct stock with a StockAdjustment of kind Counted", len(drift), drift[0])
	}
	if !meta.SetStatusCondition(&next.Conditions, c) {
		return nil
	}
	kept := s.kept()
	next = journal.Next(next, opens(kept), nil)
	if err := s.putJournal(ctx, next); err != nil {
		s.forget()
		return err
	}
	s.open = kept
	return nil
}
