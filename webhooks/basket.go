package webhooks

import (
	"context"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror"
)

const basketPath = "/mutate-stockreservation"

// basketHandler answers for reservations that belong to no order. Those of orders never come
// here: the order controller makes them as they are to be.
type basketHandler struct {
	decoder  admission.Decoder
	mirrored mirror.Namespaces
}

// Handle has a basket of a mirrored namespace stay until the mirror has told of it.
func (h *basketHandler) Handle(_ context.Context, req admission.Request) admission.Response {
	r := &v1alpha1.StockReservation{}
	if err := h.decoder.Decode(req, r); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	sent := r.DeepCopy()
	switch req.Operation {
	case admissionv1.Create:
		holdForMirror(h.mirrored, req.Namespace, r)
	case admissionv1.Update:
		old := &v1alpha1.StockReservation{}
		if err := h.decoder.DecodeRaw(req.OldObject, old); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		keepForMirror(h.mirrored, r, old)
	default:
		return admission.Allowed("")
	}
	return patched(sent, r)
}
