package stock

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// store is the one place where the stock controller talks to the API server.
// Reads are live; every write is a PUT with resourceVersion and uid.
type store struct {
	live   client.Reader
	cached client.Reader
	writer client.Client
	terse  *cachedclient.StatusWriter
}

// journal reads a namespace's journal, made when there is none.
func (s *store) journal(ctx context.Context, namespace string) (*v1alpha1.StockJournal, error) {
	j := &v1alpha1.StockJournal{}
	key := client.ObjectKey{Namespace: namespace, Name: v1alpha1.StockJournalName}
	err := s.live.Get(ctx, key, j)
	if !apierrors.IsNotFound(err) {
		return j, err
	}
	j = &v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	if err := s.writer.Create(ctx, j); !apierrors.IsAlreadyExists(err) {
		return j, err
	}
	j = &v1alpha1.StockJournal{}
	return j, s.live.Get(ctx, key, j)
}

// statusPut is an object whose status is to be written.
type statusPut[O client.Object] struct {
	key   identity
	seen  O                              // as last seen; a blank one when it was not
	write func(context.Context, O) error // puts its status
}

// putStatus brings an object's status to where change wants it: it works change
// out on a copy of what was seen, or of the live object when that was another
// object or not the newest, and writes it. It returns nil once the object is
// known to be as change wants it, is gone, or is another object of the same name.
//
// change reports whether it changed anything; it must be safe to repeat.
func putStatus[O client.Object](ctx context.Context, live client.Reader, p statusPut[O], change func(O) bool) error {
	o, stale := p.seen.DeepCopyObject().(O), false
	for {
		if stale || o.GetUID() != p.key.uid {
			err := live.Get(ctx, p.key.objectKey(), o)
			if apierrors.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("get %s: %w", p.key, err)
			}
			if o.GetUID() != p.key.uid {
				return nil
			}
		}
		if !change(o) {
			return nil
		}
		err := p.write(ctx, o)
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return nil
		case !apierrors.IsConflict(err):
			return fmt.Errorf("write status of %s: %w", p.key, err)
		}
		stale = true
	}
}

// putReservation writes the status of a reservation; every order costs one. What
// the API server would not look at is not sent, and its answer not read.
func (s *store) putReservation(ctx context.Context, r *v1alpha1.StockReservation) error {
	return s.terse.UpdateStatus(ctx, "stockreservations", &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name, UID: r.UID, ResourceVersion: r.ResourceVersion},
		Status:     r.Status,
	})
}

func (s *store) putDocument(ctx context.Context, d *v1alpha1.StockAdjustment) error {
	return s.writer.Status().Update(ctx, d)
}

// identity is one object, not merely one name.
type identity struct {
	namespace, name string
	uid             types.UID
}

func (i identity) String() string { return i.namespace + "/" + i.name }

func (i identity) objectKey() client.ObjectKey {
	return client.ObjectKey{Namespace: i.namespace, Name: i.name}
}
