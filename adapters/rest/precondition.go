package rest

import (
	"context"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// If-Match is compared here and goes no further: the API server answers a version
// that is no number with 500, which is no failure of it. What fences the write is
// the version of the order that was compared.

// matches says whether an order is of a version that If-Match names, or If-Match names none.
func matches(ifMatch *string, order *v1alpha1.Order) bool {
	return !isFenced(ifMatch) || fields.Matches(*ifMatch, *etag(order))
}

// isFenced says whether a command is for one version of an order only.
func isFenced(ifMatch *string) bool { return ifMatch != nil && *ifMatch != fields.AnyVersion }

// ofVersion returns the order if it is of a version that If-Match names. The
// cache may be behind the client, so the API server has the last word.
func (h *handlers) ofVersion(ctx context.Context, order *v1alpha1.Order, ifMatch *string) (*v1alpha1.Order, error) {
	if matches(ifMatch, order) {
		return order, nil
	}
	order, err := h.order(ctx, order.Name, h.cluster.readLive)
	if err != nil {
		return nil, err
	}
	if !matches(ifMatch, order) {
		return nil, preconditionFailed(nil)
	}
	return order, nil
}
