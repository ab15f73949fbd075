package webhooks

import (
	"context"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// filler answers for a kind whose objects are filled in and never refused here.
type filler[T any, P interface {
	*T
	client.Object
}] struct {
	decoder admission.Decoder
	// created fills in a new object, and updated puts back what a change leaves out.
	created func(req *admission.Request, o P)
	updated func(o, old P)
}

// Handle answers with what was filled in.
func (f *filler[T, P]) Handle(_ context.Context, req admission.Request) admission.Response {
	o := P(new(T))
	if err := f.decoder.Decode(req, o); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	sent := o.DeepCopyObject().(P)
	switch req.Operation {
	case admissionv1.Create:
		f.created(&req, o)
	case admissionv1.Update:
		old := P(new(T))
		if err := f.decoder.DecodeRaw(req.OldObject, old); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		f.updated(o, old)
	default:
		return admission.Allowed("")
	}
	return patched(sent, o)
}
