package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// outcome is what became of a record.
type outcome string

const (
	// cancelled: the order has the intent now.
	cancelled outcome = "cancelled"
	// settled: there was nothing to do; the order was cancelled or shipped before.
	settled outcome = "settled"
	// own: Orderplane wrote it itself.
	own outcome = "own"
	// outdated: it is older than the order.
	outdated outcome = "outdated"
	// deadLetter: it could not be handled.
	deadLetter outcome = "dead_letter"
)

// badRecord is an error that is the record's own: it goes to the dead letters if
// trying again does not help.
type badRecord struct{ err error }

func (b *badRecord) Error() string { return b.err.Error() }
func (b *badRecord) Unwrap() error { return b.err }

// orders are those of the namespace.
type orders struct {
	client    client.Client
	namespace string
	archived  func(ctx context.Context, orderID string) (bool, error)
	log       logr.Logger
}

// cancel writes the intent into the order, unless it is there or comes too late. A
// *badRecord says that there is no such order; any other error is somebody else's.
func (o *orders) cancel(ctx context.Context, asked request, at time.Time) (outcome, error) {
	for {
		became, err := o.try(ctx, asked, at)
		if !apierrors.IsConflict(err) {
			return became, err
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
}

func (o *orders) try(ctx context.Context, asked request, at time.Time) (outcome, error) {
	var order v1alpha1.Order
	err := o.client.Get(ctx, types.NamespacedName{Namespace: o.namespace, Name: asked.orderID}, &order)
	switch {
	case apierrors.IsNotFound(err):
		return o.absent(ctx, asked.orderID)
	case err != nil:
		return "", fmt.Errorf("read order %s: %w", asked.orderID, err)
	case at.Before(order.CreationTimestamp.Time):
		return outdated, nil
	case order.Spec.Cancellation != nil:
		return settled, nil
	}
	// Of the version that was compared with the record's time: a conflict begins anew.
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": order.UID, "resourceVersion": order.ResourceVersion},
		"spec":     map[string]any{"cancellation": map[string]any{"reason": asked.reason}},
	})
	if err != nil {
		return "", fmt.Errorf("cancel order %s: %w", asked.orderID, err)
	}
	err = o.client.Patch(ctx, &order, client.RawPatch(types.MergePatchType, patch))
	switch {
	case err == nil:
		return cancelled, nil
	case apierrors.IsInvalid(err):
		o.log.Info("an order can't be cancelled any more", "order", asked.orderID, "why", err.Error(), "traceId", asked.traceID)
		return settled, nil
	case apierrors.IsNotFound(err):
		return o.absent(ctx, asked.orderID)
	case apierrors.IsBadRequest(err):
		return "", &badRecord{fmt.Errorf("cancel order %s: %w", asked.orderID, err)}
	}
	return "", fmt.Errorf("cancel order %s: %w", asked.orderID, err)
}

// absent is about an order that is not in the cluster: one that is archived is finished.
func (o *orders) absent(ctx context.Context, orderID string) (outcome, error) {
	if o.archived != nil {
		there, err := o.archived(ctx, orderID)
		if err != nil {
			return "", fmt.Errorf("look for order %s in the archive: %w", orderID, err)
		}
		if there {
			return settled, nil
		}
	}
	return "", &badRecord{fmt.Errorf("payload.orderId: there is no order %s", orderID)}
}
