// Package store is the one place where the stock controller talks to the API
// server. Reads are live unless they say otherwise; every write goes by
// resourceVersion and uid.
package store

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Store reads and writes the objects of stock. Safe for concurrent use.
type Store struct {
	live   client.Reader
	cached client.Client
	status *cachedclient.StatusWriter
}

// New makes a store from a reader that asks the API server, a client that reads
// from the cache, and the writer of the statuses that every order costs. Both readers set
// objects aside that can't be decoded.
func New(live client.Reader, cached client.Client, status *cachedclient.StatusWriter) *Store {
	return &Store{live: cachedclient.Live(live), cached: cached, status: status}
}

// Identity is one object, not merely one name.
type Identity struct {
	Namespace, Name string
	UID             types.UID
}

// String is the object's namespace and name, for people.
func (i Identity) String() string { return i.Namespace + "/" + i.Name }

// Key is the object's name, to read it by.
func (i Identity) Key() client.ObjectKey {
	return client.ObjectKey{Namespace: i.Namespace, Name: i.Name}
}

// ErrNoJournal says that a namespace has no journal and gets none: it is being deleted, or
// all that it has of stock is. Nothing can be decided in it.
var ErrNoJournal = errors.New("there is no stock journal, and nothing to make one for")

// Journal reads a namespace's journal. When there is none it makes one, or returns
// ErrNoJournal.
func (s *Store) Journal(ctx context.Context, namespace string) (*v1alpha1.StockJournal, error) {
	j, err := s.LiveJournal(ctx, namespace)
	if !apierrors.IsNotFound(err) {
		return j, err
	}
	if stays, err := s.hasWhatStays(ctx, namespace); err != nil || !stays {
		return nil, errors.Join(err, ErrNoJournal)
	}
	j = &v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.StockJournalName}}
	switch err := s.cached.Create(ctx, j); {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), apierrors.IsNotFound(err):
		return nil, ErrNoJournal
	case !apierrors.IsAlreadyExists(err):
		return j, err
	}
	return s.LiveJournal(ctx, namespace)
}

// LiveJournal reads a namespace's journal.
func (s *Store) LiveJournal(ctx context.Context, namespace string) (*v1alpha1.StockJournal, error) {
	j := &v1alpha1.StockJournal{}
	return j, s.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.StockJournalName}, j)
}

// SwapJournal writes the status of a journal if it still has the resourceVersion
// of j, and gives j the new one.
func (s *Store) SwapJournal(ctx context.Context, j *v1alpha1.StockJournal) error {
	return s.status.SwapStatus(ctx, "stockjournals", j)
}

// CachedItem reads an item from the cache.
func (s *Store) CachedItem(ctx context.Context, key client.ObjectKey) (*v1alpha1.StockItem, error) {
	o := &v1alpha1.StockItem{}
	return o, s.cached.Get(ctx, key, o)
}

// CachedReservation reads a reservation from the cache.
func (s *Store) CachedReservation(ctx context.Context, key client.ObjectKey) (*v1alpha1.StockReservation, error) {
	r := &v1alpha1.StockReservation{}
	return r, s.cached.Get(ctx, key, r)
}

// LiveReservation reads a reservation from the API server.
func (s *Store) LiveReservation(ctx context.Context, key client.ObjectKey) (*v1alpha1.StockReservation, error) {
	r := &v1alpha1.StockReservation{}
	return r, s.live.Get(ctx, key, r)
}

// SetItemFinalizers writes the finalizers of an item, and nothing else of it.
func (s *Store) SetItemFinalizers(ctx context.Context, o *v1alpha1.StockItem) error {
	return cachedclient.SetFinalizers(ctx, s.cached, o)
}

// UpdateItemStatus writes an item's status, and gives o the resourceVersion that it made.
func (s *Store) UpdateItemStatus(ctx context.Context, o *v1alpha1.StockItem) error {
	return s.status.SwapStatus(ctx, "stockitems", o)
}

// BringReservation brings the status of a reservation to where change wants it;
// see bring. seen is the reservation as it was last seen, nil when it was not.
func (s *Store) BringReservation(ctx context.Context, id Identity, seen *v1alpha1.StockReservation, change func(*v1alpha1.StockReservation) bool) error {
	return bring(ctx, s.live, target[*v1alpha1.StockReservation]{id, orBlank(seen), s.putReservation}, change)
}

// BringDocument is BringReservation of a stock document.
func (s *Store) BringDocument(ctx context.Context, id Identity, seen *v1alpha1.StockAdjustment, change func(*v1alpha1.StockAdjustment) bool) error {
	write := func(ctx context.Context, d *v1alpha1.StockAdjustment) error {
		return s.status.UpdateStatus(ctx, "stockadjustments", d)
	}
	return bring(ctx, s.live, target[*v1alpha1.StockAdjustment]{id, orBlank(seen), write}, change)
}

// BringItem is BringReservation of an item. It returns the resourceVersion of what it
// wrote, empty when it wrote nothing.
func (s *Store) BringItem(ctx context.Context, id Identity, seen *v1alpha1.StockItem, change func(*v1alpha1.StockItem) bool) (version string, err error) {
	write := func(ctx context.Context, o *v1alpha1.StockItem) error {
		err := s.UpdateItemStatus(ctx, o)
		if err == nil {
			version = o.ResourceVersion
		}
		return err
	}
	err = bring(ctx, s.live, target[*v1alpha1.StockItem]{id, orBlank(seen), write}, change)
	return version, err
}

// putReservation writes the status of a reservation; every order costs one. What
// the API server would not look at is not sent, and its answer not read.
func (s *Store) putReservation(ctx context.Context, r *v1alpha1.StockReservation) error {
	return s.status.UpdateStatus(ctx, "stockreservations", &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name, UID: r.UID, ResourceVersion: r.ResourceVersion},
		Status:     r.Status,
	})
}

func orBlank[T any](seen *T) *T {
	if seen == nil {
		return new(T)
	}
	return seen
}

// target is an object whose status is to be written.
type target[O client.Object] struct {
	Identity
	seen  O
	write func(context.Context, O) error
}

// bring brings an object's status to where change wants it: it works change out on a
// copy of what was seen, or of the live object when that was another object or not the
// newest, and writes it. It returns nil once the object is known to be as change wants
// it, is gone, or is another object of the same name.
//
// change reports whether it changed anything; it must be safe to repeat.
func bring[O client.Object](ctx context.Context, live client.Reader, t target[O], change func(O) bool) error {
	o, stale := t.seen.DeepCopyObject().(O), false
	for {
		if stale || o.GetUID() != t.UID {
			err := live.Get(ctx, t.Key(), o)
			if apierrors.IsNotFound(err) {
				return nil
			}
			if err != nil && !mayWriteStatus(o, err) {
				return fmt.Errorf("get %s: %w", t.Identity, err)
			}
			if o.GetUID() != t.UID {
				return nil
			}
		}
		if !change(o) {
			return nil
		}
		err := t.write(ctx, o)
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return nil
		case !apierrors.IsConflict(err):
			return fmt.Errorf("write status of %s: %w", t.Identity, err)
		}
		stale = true
	}
}
