package webhooks

import (
	"context"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/domain/mirror"
)

const documentPath = "/mutate-stockadjustment"

// documentHandler answers for stock documents.
type documentHandler struct {
	decoder  admission.Decoder
	mirrored mirror.Namespaces
}

// Handle writes down who makes a new document. Of a changed one it puts back who
// made it: whoever applies the manifest again never sent that. In a mirrored namespace the
// document stays until the mirror has told of it.
func (h *documentHandler) Handle(_ context.Context, req admission.Request) admission.Response {
	d := &v1alpha1.StockAdjustment{}
	if err := h.decoder.Decode(req, d); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	sent := d.DeepCopy()
	switch req.Operation {
	case admissionv1.Create:
		d.Spec.RequestedBy = ids.Requester(req.UserInfo.Username)
		holdForMirror(h.mirrored, req.Namespace, d)
	case admissionv1.Update:
		old := &v1alpha1.StockAdjustment{}
		if err := h.decoder.DecodeRaw(req.OldObject, old); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		d.Spec.Requester = old.Spec.Requester
		v1alpha1.KeepRequestAnnotations(d, old)
		keepForMirror(h.mirrored, d, old)
	default:
		return admission.Allowed("")
	}
	return patched(sent, d)
}
