package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

const orderPath = "/mutate-order"

// orderHandler answers for orders.
type orderHandler struct {
	// reader reads classes and items from a cache.
	reader  client.Reader
	decoder admission.Decoder
	now     func() time.Time
	// mirrored are the namespaces that a mirror serves.
	mirrored mirror.Namespaces
}

// Handle fills in a new order, or writes down who set the intents of a changed one.
func (h *orderHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	o := &v1alpha1.Order{}
	if err := h.decoder.Decode(req, o); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	sent := o.DeepCopy()
	var warnings []string
	switch req.Operation {
	case admissionv1.Create:
		// generateName is resolved after admission; the namespace may stand in the path only.
		o.Namespace = req.Namespace
		class, err := h.classOf(ctx, o)
		if err != nil {
			return refused(err)
		}
		order.Complete(o, class)
		order.WithoutMirror(o)
		if h.mirrored.Has(req.Namespace) {
			order.CompleteMirrored(o)
			order.MarkUnasked(o) // who asked the archive sends an order that needs no webhook
		}
		order.StampNew(o, req.UserInfo.Username)
		v1alpha1.MarkCreated(o, h.now())
		if warnings, err = h.unknownProducts(ctx, o); err != nil {
			return admission.Errored(http.StatusInternalServerError, err)
		}
	case admissionv1.Update:
		old := &v1alpha1.Order{}
		if err := h.decoder.DecodeRaw(req.OldObject, old); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		order.KeepMarks(o, old) // first: it goes by the finalizers as they were sent
		order.Keep(o, old)
		if h.mirrored.Has(req.Namespace) {
			order.KeepMirrored(o, old)
		}
		v1alpha1.KeepCreated(o, old)
		order.Stamp(o, old, req.UserInfo.Username, h.now())
	default:
		return admission.Allowed("")
	}
	return patched(sent, o).WithWarnings(warnings...)
}

// classOf returns the class a new order follows, nil when it names none and none
// is marked default.
func (h *orderHandler) classOf(ctx context.Context, o *v1alpha1.Order) (*v1alpha1.OrderClass, error) {
	classes := &v1alpha1.OrderClassList{}
	if err := h.reader.List(ctx, classes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the order classes: %w", err)
	}
	class := order.ClassOf(o.Spec.ClassName, classes.Items)
	if class == nil && o.Spec.ClassName != "" {
		path := field.NewPath("spec", "className")
		return nil, apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("Order").GroupKind(), o.Name, field.ErrorList{
			field.Invalid(path, o.Spec.ClassName, "there is no OrderClass of this name; create it, or leave the field out for the default class"),
		})
	}
	return class, nil
}

// maxWarnings keeps the answer to a long order readable.
const maxWarnings = 5

// unknownProducts warns of lines that no stock will ever be reserved for. It is
// no refusal: the item may be made before the order is decided.
func (h *orderHandler) unknownProducts(ctx context.Context, o *v1alpha1.Order) ([]string, error) {
	var warnings []string
	seen := make(map[string]bool, len(o.Spec.Items))
	for i, line := range o.Spec.Items {
		if seen[line.ProductID] {
			continue
		}
		seen[line.ProductID] = true
		item := &v1alpha1.StockItem{}
		err := h.reader.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: line.ProductID}, item, client.UnsafeDisableDeepCopy)
		if err == nil || cachedclient.WasSetAside(err) {
			continue
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("look up StockItem %s: %w", line.ProductID, err)
		}
		if len(warnings) == maxWarnings {
			return append(warnings, "and more products that do not exist"), nil
		}
		warnings = append(warnings, fmt.Sprintf("spec.items[%d].productID: there is no StockItem %q in namespace %s; unless it is made at once, the order will be cancelled",
			i, line.ProductID, o.Namespace))
	}
	return warnings, nil
}

// patched answers with what was changed of an object as it was sent, and with
// nothing else: fields that this version does not know stay, and so does what Go
// would write in other words, such as 15m.
func patched(sent, changed client.Object) admission.Response {
	before, err := json.Marshal(sent)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	after, err := json.Marshal(changed)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(before, after)
}

// refused answers with an error of the API's own kind where it is one, so that
// people see the same words as from the schema.
func refused(err error) admission.Response {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	result := status.Status()
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Allowed: false, Result: &result}}
}
