package webhooks

import (
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/domain/mirror"
)

const documentPath = "/mutate-stockadjustment"

// newDocumentHandler answers for stock documents. It writes down who makes a new document. Of a
// changed one it puts back who made it: whoever applies the manifest again never sent that. In
// a mirrored namespace the document stays until the mirror has told of it.
func newDocumentHandler(decoder admission.Decoder, mirrored mirror.Namespaces) admission.Handler {
	return &filler[v1alpha1.StockAdjustment, *v1alpha1.StockAdjustment]{
		decoder: decoder,
		created: func(req *admission.Request, d *v1alpha1.StockAdjustment) {
			d.Spec.RequestedBy = ids.Requester(req.UserInfo.Username)
			holdForMirror(mirrored, req.Namespace, d)
		},
		updated: func(d, old *v1alpha1.StockAdjustment) {
			d.Spec.Requester = old.Spec.Requester
			v1alpha1.KeepRequestAnnotations(d, old)
			keepForMirror(mirrored, d, old)
		},
	}
}
