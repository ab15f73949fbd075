package rest

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// awaitDocument waits until a stock document is decided, and returns it then; nil
// when the time is up first. It watches the one document: a cache would hold all
// documents there ever were, for the few that the gateway makes.
func (c *cluster) awaitDocument(ctx context.Context, document *v1alpha1.StockAdjustment, wait time.Duration) *v1alpha1.StockAdjustment {
	if journal.Settled(document) {
		return document
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	options := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: document.ResourceVersion}}
	events, err := c.live.Watch(ctx, &v1alpha1.StockAdjustmentList{}, client.InNamespace(c.namespace), documentSelector(document), options)
	if err != nil {
		// The document is written; that its answer can't be watched is no failure of it.
		return nil
	}
	defer events.Stop()
	for {
		select {
		case event, open := <-events.ResultChan():
			if !open {
				return nil
			}
			if decided, ok := event.Object.(*v1alpha1.StockAdjustment); ok && event.Type != watch.Deleted && journal.Settled(decided) {
				return decided
			}
		case <-ctx.Done():
			return nil
		}
	}
}
