package stock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/stock"
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
	unmarked []*v1alpha1.StockAdjustment
	expiry   expiries

	projector projector
	nextAudit time.Time
}

// openEntry is a journaled decision and the object it was decided from.
type openEntry struct {
	*stock.Open
	reservation *v1alpha1.StockReservation
	document    *v1alpha1.StockAdjustment
	// refused is true while the API server definitely refuses an effect.
	refused bool
	// wait is how long was waited for the last try, retryAt when the next is.
	wait    time.Duration
	retryAt time.Time
}

// errLost says that another leader has the journal, or may have.
var errLost = errors.New("lost the stock journal")

// run takes the journal over if need be, then decides and carries out until
// nothing is left to do at once. It returns when to look again; zero when only
// an event can bring more to do.
func (s *shard) run(ctx context.Context) (again time.Duration, err error) {
	if s.ledger == nil {
		if err := s.takeOver(ctx); err != nil {
			s.forget()
			return 0, fmt.Errorf("take over the stock journal of %s: %w", s.namespace, err)
		}
	}
	for {
		progress, err := s.cycle(ctx)
		if errors.Is(err, errLost) {
			s.forget()
		}
		if err != nil {
			return 0, err
		}
		if !progress || s.inbox.len() == 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	if err := s.auditIfDue(ctx); err != nil {
		return 0, err
	}
	return s.nextLook(), nil
}

// cycle decides one batch, journals it, and carries out what is open. It
// reports whether it decided anything or dropped anything from the inbox.
func (s *shard) cycle(ctx context.Context) (progress bool, err error) {
	now := s.opts.Clock.Now()
	s.wakeExpired(ctx, now)
	kept := s.kept()
	decided, handled := s.decide(ctx, now, kept)
	if len(decided) > 0 {
		if err := s.swap(ctx, kept, decided); err != nil {
			return false, err
		}
	}
	return handled, s.carryOut(ctx)
}

// kept is what must stay in the journal.
func (s *shard) kept() []*openEntry {
	return slices.DeleteFunc(slices.Clone(s.open), func(o *openEntry) bool { return o.Durable() })
}

func opens(entries []*openEntry) []*stock.Open {
	out := make([]*stock.Open, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.Open)
	}
	return out
}

// decide turns what waits in the inbox into decisions until the batch or the
// journal is full. handled reports whether it took anything from the inbox.
func (s *shard) decide(ctx context.Context, now time.Time, kept []*openEntry) (decided []*openEntry, handled bool) {
	room := stock.NewRoom(opens(kept), s.opts.MaxBatch)
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
	switch o := e.object.(type) {
	case *v1alpha1.StockItem:
		s.observeItem(o, e.gone)
	case *v1alpha1.StockReservation:
		if e.gone {
			s.touch(s.ledger.ForgetReservation(o.UID)...)
			return nil
		}
		if s.ledger.Known(o.UID) || !s.handledBefore("StockReservation", o) {
			return s.decideReservation(o, now)
		}
	case *v1alpha1.StockAdjustment:
		if e.gone {
			s.ledger.ForgetDocument(o.UID)
			delete(s.waiting[o.Spec.ProductID], o.UID)
			return nil
		}
		if s.ledger.KnownDocument(o.UID) || !s.handledBefore("StockAdjustment", o) {
			return s.decideDocument(o, now)
		}
	}
	return nil
}

// handledBefore reports whether an object the ledger does not know is older
// than the T3 list: then it was gone when the list was made, was handled by an
// earlier leader, and only an informer that lags shows it. Deciding about it
// would count it twice.
func (s *shard) handledBefore(kind string, o client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(o.GetResourceVersion(), s.listed[kind])
	return err != nil || order <= 0
}

func (s *shard) decideReservation(r *v1alpha1.StockReservation, now time.Time) *openEntry {
	entry := s.ledger.DecideReservation(r, now)
	if r.Spec.ExpiresAt != nil {
		s.expiry.track(r, s.ledger.Phase(r.UID))
	}
	if entry == nil {
		return nil
	}
	s.touchLines(entry)
	if more := r.Spec.Intent; more == v1alpha1.IntentCommit || more == v1alpha1.IntentRestock {
		s.inbox.put(event{object: r}) // Pending → Reserved → Committed → Restocked, a batch each
	}
	return &openEntry{Open: stock.NewOpen(entry), reservation: r}
}

func (s *shard) decideDocument(d *v1alpha1.StockAdjustment, now time.Time) *openEntry {
	entry, waits := s.ledger.DecideDocument(d, now)
	if waits {
		if s.waiting[d.Spec.ProductID] == nil {
			s.waiting[d.Spec.ProductID] = map[types.UID]*v1alpha1.StockAdjustment{}
		}
		s.waiting[d.Spec.ProductID][d.UID] = d
		s.unmarked = append(s.unmarked, d)
		return nil
	}
	if entry == nil {
		return nil
	}
	delete(s.waiting[d.Spec.ProductID], d.UID)
	s.touchLines(entry)
	return &openEntry{Open: stock.NewOpen(entry), document: d}
}

func (s *shard) observeItem(o *v1alpha1.StockItem, gone bool) {
	if gone {
		s.ledger.ForgetItem(o.UID)
		s.projector.forget(o.Name)
		return
	}
	if !s.ledger.KnownItem(o.UID) && s.handledBefore("StockItem", o) {
		return
	}
	if s.ledger.ObserveItem(o) {
		for _, d := range s.waiting[o.Name] {
			s.inbox.put(event{object: d})
		}
	}
	s.touch(o.Name)
}

// touch marks products whose projection may be out of date.
func (s *shard) touch(products ...string) {
	for _, p := range products {
		s.projector.touch(p)
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
	next := stock.Next(s.journal.Status, opens(kept), entries)
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
	started := s.opts.Clock.Now()
	err := s.store.writer.Status().Update(ctx, j)
	s.metrics.swapped(s.opts.Clock.Since(started), err)
	switch {
	case err == nil:
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return fmt.Errorf("%w of %s: %w", errLost, s.namespace, err)
	default:
		uid := j.UID
		j = &v1alpha1.StockJournal{}
		if get := s.store.live.Get(ctx, client.ObjectKeyFromObject(s.journal), j); get != nil || j.UID != uid || !stock.Same(&j.Status, &next) {
			return fmt.Errorf("%w of %s: the answer to a write of it is unclear: %w", errLost, s.namespace, err)
		}
	}
	j.Status.Conditions = next.Conditions
	s.journal = j
	return nil
}

// forget drops everything a leader holds. The inbox stays: what arrives from
// now on is newer than what the next take-over reads.
func (s *shard) forget() {
	s.ledger, s.journal, s.open, s.listed, s.waiting, s.unmarked = nil, nil, nil, nil, nil, nil
	s.expiry.clear()
	s.projector.clear()
}

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

	for _, o := range stock.OpenAll(s.journal.Status.Entries) {
		s.open = append(s.open, &openEntry{Open: o})
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
	s.waiting = map[string]map[types.UID]*v1alpha1.StockAdjustment{}
	s.offer(reservations.items, documents.items)
	for i := range items.items {
		s.touch(items.items[i].Name)
	}
	s.noteDrift(ctx, s.ledger.Audit(items.items, reservations.items))
	s.nextAudit = s.opts.Clock.Now().Add(s.opts.AuditInterval)
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
			stock.ApplyToReservation(o.Entry, &reservations[i])
		}
		for i := range documents {
			stock.ApplyToDocument(o.Entry, &documents[i])
		}
	}
	for i := range items {
		stock.ApplyToItem(entries, &items[i])
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
