package stock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// shard decides the stock of one namespace. Everything but its inbox belongs to
// the one goroutine that reconciles the namespace.
type shard struct {
	namespace string
	opts      *Options
	store     *store
	metrics   *shardMetrics
	inbox     *inbox

	// What a leader holds. All of it is forgotten together, by a lost swap.
	ledger  *stock.Ledger
	journal *v1alpha1.StockJournal
	open    []*openEntry
	listed  map[string]string // resourceVersion of the T3 list by kind
	// waiting are the documents whose product does not exist yet, by product;
	// unmarked are those of them that do not say so yet.
	waiting  map[string]map[types.UID]*v1alpha1.StockAdjustment
	unmarked map[types.UID]*v1alpha1.StockAdjustment
	// unanswered are the reservations whose spec was changed without anything to
	// decide, and whose status does not say yet that this was seen.
	unanswered map[types.UID]*v1alpha1.StockReservation
	expiry     expiries
	retries    retries
	// suspect is true when an item was seen to show what this leader did not write.
	suspect bool

	turn      turn
	carrier   carrier
	projector projector
	nextAudit time.Time
}

// openEntry is a journaled decision and the object it was decided from.
type openEntry struct {
	*journal.Pending
	reservation *v1alpha1.StockReservation
	document    *v1alpha1.StockAdjustment
}

// errLost says that another leader has the journal, or may have.
var errLost = errors.New("lost the stock journal")

// kept is what must stay in the journal.
func (s *shard) kept() []*openEntry {
	return slices.DeleteFunc(slices.Clone(s.open), func(o *openEntry) bool { return o.Durable() })
}

func opens(entries []*openEntry) []*journal.Pending {
	out := make([]*journal.Pending, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.Pending)
	}
	return out
}

// decide turns what waits in the inbox into decisions until the batch or the
// journal is full. handled reports whether it took anything from the inbox.
func (s *shard) decide(ctx context.Context, now time.Time, kept []*openEntry) (decided []*openEntry, handled bool) {
	room := journal.NewRoom(opens(kept), s.opts.MaxBatch)
	for !room.Full() {
		e, ok := s.inbox.take()
		if !ok {
			break
		}
		handled = true
		if entry := s.decideOne(e, now); entry != nil {
			room.Take(entry.Entry)
			decided = append(decided, entry)
		}
	}
	s.metrics.backlog(s.namespace, s.inbox.len(), room.Full() && len(decided) == 0)
	if room.Full() && len(decided) == 0 {
		logr.FromContextOrDiscard(ctx).Info("the stock journal is full of decisions that can't be carried out; nothing is decided until they are", "open", len(kept))
	}
	return decided, handled
}

func (s *shard) decideOne(e event, now time.Time) *openEntry {
	if e.watched && !e.gone && s.olderThanLists(e.object) {
		return nil
	}
	switch o := e.object.(type) {
	case *v1alpha1.StockItem:
		s.observeItem(o, e.gone)
	case *v1alpha1.StockReservation:
		if e.gone {
			s.touch(s.ledger.ForgetReservation(o.UID)...)
			return nil
		}
		return s.decideReservation(o, now)
	case *v1alpha1.StockAdjustment:
		if e.gone {
			s.ledger.ForgetDocument(o.UID)
			delete(s.waiting[o.Spec.ProductID], o.UID)
			delete(s.unmarked, o.UID)
			return nil
		}
		return s.decideDocument(o, now)
	}
	return nil
}

// olderThanLists reports whether an object, as an informer that lags shows it,
// is older than the T3 list of its kind. When the ledger does not know it, it was
// gone when the list was made and handled by an earlier leader: deciding about it
// would count it twice. When it does, the list said something newer: that an item
// is being deleted, or that a basket lasts longer.
func (s *shard) olderThanLists(o client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(o.GetResourceVersion(), s.listed[kindOf(o)])
	return err != nil || order <= 0
}

func kindOf(o client.Object) string {
	switch o.(type) {
	case *v1alpha1.StockItem:
		return "StockItem"
	case *v1alpha1.StockReservation:
		return "StockReservation"
	}
	return "StockAdjustment"
}

func (s *shard) decideReservation(r *v1alpha1.StockReservation, now time.Time) *openEntry {
	entry := s.ledger.DecideReservation(r, now)
	if r.Spec.ExpiresAt != nil {
		s.expiry.track(r, s.ledger.Phase(r.UID))
	}
	if entry == nil {
		if r.Status.ObservedGeneration != r.Generation && s.ledger.Phase(r.UID) != v1alpha1.ReservationPending {
			s.unanswered[r.UID] = r
		}
		return nil
	}
	delete(s.unanswered, r.UID)
	s.touchLines(entry)
	if s.ledger.IsShortOf(r) {
		s.inbox.putAgain(event{object: r}) // Pending → Reserved → Committed → Restocked, a batch each
	}
	return &openEntry{Pending: journal.NewPending(entry), reservation: r}
}

func (s *shard) decideDocument(d *v1alpha1.StockAdjustment, now time.Time) *openEntry {
	entry, waits := s.ledger.DecideDocument(d, now)
	if waits {
		if s.waiting[d.Spec.ProductID] == nil {
			s.waiting[d.Spec.ProductID] = map[types.UID]*v1alpha1.StockAdjustment{}
		}
		s.waiting[d.Spec.ProductID][d.UID] = d
		s.unmarked[d.UID] = d
		return nil
	}
	if entry == nil {
		return nil
	}
	delete(s.waiting[d.Spec.ProductID], d.UID)
	delete(s.unmarked, d.UID)
	s.touchLines(entry)
	return &openEntry{Pending: journal.NewPending(entry), document: d}
}

func (s *shard) observeItem(o *v1alpha1.StockItem, gone bool) {
	if gone {
		s.ledger.ForgetItem(o.UID)
		s.projector.forget(o.Name)
		return
	}
	if s.ledger.ObserveItem(o) {
		for _, d := range s.waiting[o.Name] {
			s.inbox.putAgain(event{object: d})
		}
	}
	if s.outOfDate(o) {
		s.touch(o.Name)
	}
	if s.showsOtherwise(o) {
		s.suspect = true
	}
}

// outOfDate reports whether an item, as it stands, is to be written: the event
// of this leader's own write says no.
func (s *shard) outOfDate(o *v1alpha1.StockItem) bool {
	level, ok := s.ledger.Level(o.UID)
	if !ok {
		return false
	}
	c := o.DeepCopy()
	return keepFinalizer(c, level) || stock.Project(c, level.Reserved, metav1.NewTime(s.opts.Clock.Now()))
}

// showsOtherwise reports whether an item shows something that neither this
// leader nor one before it has written: then there is another leader, or a
// person with a status editor.
func (s *shard) showsOtherwise(o *v1alpha1.StockItem) bool {
	level, ok := s.ledger.Level(o.UID)
	if !ok || o.Status.OnHand == nil || o.Status.Reserved == level.Reserved && *o.Status.OnHand == level.OnHand {
		return false
	}
	return s.projector.isNews(o.Name, o.ResourceVersion)
}

// confirm makes sure that this process still leads, when there is reason to
// doubt it. A leader finds out at its next swap anyway; until then it would
// show people what it remembers.
func (s *shard) confirm(ctx context.Context) error {
	if !s.suspect {
		return nil
	}
	j := &v1alpha1.StockJournal{}
	if err := s.store.live.Get(ctx, client.ObjectKeyFromObject(s.journal), j); err != nil {
		return fmt.Errorf("read the stock journal of %s: %w", s.namespace, err)
	}
	if j.UID != s.journal.UID || j.ResourceVersion != s.journal.ResourceVersion {
		return fmt.Errorf("%w of %s: somebody else wrote it", errLost, s.namespace)
	}
	s.suspect = false
	return nil
}

// touch marks products whose projection may be out of date.
func (s *shard) touch(products ...string) {
	now := time.Now()
	for _, p := range products {
		s.projector.touch(p, s.ledger.InStock(p), now)
	}
}

func (s *shard) touchLines(e *v1alpha1.JournalEntry) {
	for i := range e.Lines {
		if e.Lines[i].ItemUID != "" {
			s.touch(e.Lines[i].ProductID)
		}
	}
}

// swap writes what must stay and what was decided into the journal, with the
// resourceVersion this leader last saw. errLost means that somebody else did.
func (s *shard) swap(ctx context.Context, kept, decided []*openEntry) error {
	entries := make([]*v1alpha1.JournalEntry, 0, len(decided))
	for _, d := range decided {
		entries = append(entries, d.Entry)
	}
	next := journal.Next(s.journal.Status, opens(kept), entries)
	if err := s.putJournal(ctx, next); err != nil {
		return err
	}
	s.open = append(kept, decided...)
	s.metrics.decided(entries)
	return nil
}

// putJournal swaps the journal's status. When the answer is unclear it reads
// the journal: only if that is to the letter what was written was it written.
func (s *shard) putJournal(ctx context.Context, next v1alpha1.StockJournalStatus) error {
	j := &v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{
		Namespace: s.namespace, Name: s.journal.Name, UID: s.journal.UID, ResourceVersion: s.journal.ResourceVersion,
	}, Status: next}
	started := time.Now()
	err := s.store.terse.SwapStatus(ctx, "stockjournals", j)
	s.metrics.swapped(time.Since(started), err)
	switch {
	case err == nil:
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return fmt.Errorf("%w of %s: %w", errLost, s.namespace, err)
	default:
		live := &v1alpha1.StockJournal{}
		if get := s.store.live.Get(ctx, client.ObjectKeyFromObject(j), live); get != nil || live.UID != j.UID || !journal.Same(&live.Status, &next) {
			return fmt.Errorf("%w of %s: the answer to a write of it is unclear: %w", errLost, s.namespace, err)
		}
		j.ResourceVersion = live.ResourceVersion
	}
	s.journal = j
	return nil
}

// forget drops everything a leader holds. The inbox stays: what arrives from
// now on is newer than what the next take-over reads.
func (s *shard) forget() {
	s.ledger, s.journal, s.open, s.listed = nil, nil, nil, nil
	s.waiting, s.unmarked = map[string]map[types.UID]*v1alpha1.StockAdjustment{}, map[types.UID]*v1alpha1.StockAdjustment{}
	s.unanswered = map[types.UID]*v1alpha1.StockReservation{}
	s.retries, s.suspect = retries{}, false
	s.expiry.clear()
	s.projector.clear()
}
