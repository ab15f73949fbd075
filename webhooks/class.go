package webhooks

import (
	"context"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/approval"
)

const classPath = "/validate-orderclass"

// classHandler answers for order classes.
type classHandler struct{ decoder admission.Decoder }

// Handle refuses a class with a rule that is none.
func (h *classHandler) Handle(_ context.Context, req admission.Request) admission.Response {
	class := &v1alpha1.OrderClass{}
	if err := h.decoder.Decode(req, class); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if errs := validateClass(&class.Spec, field.NewPath("spec")); len(errs) > 0 {
		return refused(apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("OrderClass").GroupKind(), class.Name, errs))
	}
	return admission.Allowed("")
}

// validateClass is what CEL in the schema can't say: that a string is CEL.
func validateClass(spec *v1alpha1.OrderClassSpec, path *field.Path) field.ErrorList {
	if spec.AutoApproveReturns == "" {
		return nil
	}
	if _, err := approval.Compile(spec.AutoApproveReturns); err != nil {
		return field.ErrorList{field.Invalid(path.Child("autoApproveReturns"), spec.AutoApproveReturns, err.Error())}
	}
	return nil
}
