package webhooks

import (
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror"
)

const basketPath = "/mutate-stockreservation"

// newBasketHandler answers for reservations that belong to no order. In a mirrored namespace
// they stay until the mirror has told of them. Those of orders never come here: the order
// controller makes them as they are to be.
func newBasketHandler(decoder admission.Decoder, mirrored mirror.Namespaces) admission.Handler {
	return &filler[v1alpha1.StockReservation, *v1alpha1.StockReservation]{
		decoder: decoder,
		created: func(req *admission.Request, r *v1alpha1.StockReservation) { holdForMirror(mirrored, req.Namespace, r) },
		updated: func(r, old *v1alpha1.StockReservation) { keepForMirror(mirrored, r, old) },
	}
}
