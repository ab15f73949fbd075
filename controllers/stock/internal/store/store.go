// Package store is the one place where the stock controller talks to the API
// server. Reads are live unless they say otherwise; every write is a PUT with
// resourceVersion and uid.
package store

import (
	"context"

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
// from the cache, and the writer of the statuses that every order costs.
func New(live client.Reader, cached client.Client, status *cachedclient.StatusWriter) *Store {
	return &Store{live: live, cached: cached, status: status}
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

// Journal reads a namespace's journal, and makes it when there is none.
func (s *Store) Journal(ctx context.Context, namespace string) (*v1alpha1.StockJournal, error) {
	j, err := s.LiveJournal(ctx, namespace)
	if !apierrors.IsNotFound(err) {
		return j, err
	}
	j = &v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.StockJournalName}}
	if err := s.cached.Create(ctx, j); !apierrors.IsAlreadyExists(err) {
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

// UpdateItem writes an item's metadata and spec.
func (s *Store) UpdateItem(ctx context.Context, o *v1alpha1.StockItem) error {
	return s.cached.Update(ctx, o)
}

// UpdateItemStatus writes an item's status.
func (s *Store) UpdateItemStatus(ctx context.Context, o *v1alpha1.StockItem) error {
	return s.cached.Status().Update(ctx, o)
}
