package rest

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// problemOf translates an error into what the client is told. Errors of the API
// server become those of the REST contract; anything else is internal.
func problemOf(err error) *problem {
	var told *problem
	if errors.As(err, &told) {
		return told
	}
	if cachedclient.WasSetAside(err) {
		return &problem{
			status: http.StatusConflict, code: codeObjectUnreadable, cause: err,
			message: "what is stored here can't be read, and can't be changed either; it has to be mended, and all else goes on",
		}
	}
	var open *breakerOpenError
	if errors.As(err, &open) {
		return unavailable(open.retryAfter, err)
	}
	var busy *breakerBusyError
	if errors.As(err, &busy) {
		return unavailable(time.Second, err)
	}
	status := apierrors.APIStatus(nil)
	switch {
	case errors.As(err, &status):
		return problemOfStatus(status.Status(), err)
	case isNoAnswer(err):
		return unavailable(time.Second, err)
	case errors.Is(err, context.Canceled):
		return clientClosedRequest(err)
	default: // this side did not understand what it got
		return internalError(err)
	}
}

func problemOfStatus(status metav1.Status, err error) *problem {
	switch {
	case isTooLarge(status):
		return &problem{
			status: http.StatusRequestEntityTooLarge, code: codePayloadTooLarge,
			message: "this is too much for one object of the cluster; send less", cause: err,
		}
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return problemOfInvalid(status)
	case isNamespaceGone(status):
		return unavailable(0, err)
	case apierrors.IsNotFound(err):
		return notFound("there is no such thing")
	case apierrors.IsForbidden(err) && deniedByPolicy(status.Message):
		return forbidden(denialText(status.Message))
	case apierrors.IsConflict(err):
		return preconditionFailed(err)
	case apierrors.IsForbidden(err) && strings.Contains(status.Message, "exceeded quota"),
		apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return unavailable(time.Second, err)
	case isTemporary(status):
		return unavailable(retryAfter(status), err)
	default:
		return internalError(err)
	}
}

// isTemporary says whether the API server could not serve the request for a
// reason that passes: overload, a time-out, a webhook or etcd that is away.
func isTemporary(status metav1.Status) bool {
	switch status.Code {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isNamespaceGone says whether there is no namespace for what was to be made.
func isNamespaceGone(status metav1.Status) bool {
	return status.Reason == metav1.StatusReasonNotFound && status.Details != nil && status.Details.Kind == "namespaces"
}

func retryAfter(status metav1.Status) time.Duration {
	if status.Details == nil {
		return 0
	}
	return time.Duration(status.Details.RetryAfterSeconds) * time.Second
}

// problemOfInvalid tells a refused intent, which is an invalid transition, from
// a request that is wrong whatever the order's state.
func problemOfInvalid(status metav1.Status) *problem {
	if status.Details == nil || len(status.Details.Causes) == 0 {
		p := invalidRequest()
		p.message = denialText(status.Message)
		return p
	}
	var fields []wire.FieldError
	for _, cause := range status.Details.Causes {
		if isIntent(cause.Field) && isRefusal(cause.Type) {
			return invalidTransition(causeText(cause.Message))
		}
		fields = append(fields, wire.FieldError{Field: restField(cause.Field), Message: causeText(cause.Message)})
	}
	return invalidRequest(fields...)
}

func isIntent(field string) bool {
	switch field {
	case "spec.cancellation", "spec.fulfillment", "spec.return", "spec.return.decision", "spec.intent":
		return true
	}
	return false
}

func isRefusal(t metav1.CauseType) bool {
	return t == metav1.CauseTypeForbidden || t == metav1.CauseTypeFieldValueInvalid
}

// restField translates a path in an API object into the name of the field in the
// REST request it came from.
func restField(path string) string {
	for _, prefix := range []string{"spec.return.decision.", "spec.return.", "spec.fulfillment.", "spec.cancellation.", "spec."} {
		if rest, found := strings.CutPrefix(path, prefix); found {
			path = rest
			break
		}
	}
	return strings.NewReplacer("productID", "productId", "customerID", "customerId", "lines[", "items[").Replace(path)
}

// causePrefix is what the API server puts before the message of a cause: the
// class of the error and, for some, the value.
var causePrefix = regexp.MustCompile(`^(Forbidden|Required value|Invalid value|Unsupported value|Too long|Too many|Duplicate value): ("(\\.|[^"\\])*": |[0-9.e+-]+: )?`)

func causeText(message string) string {
	if cut := causePrefix.ReplaceAllString(message, ""); cut != "" {
		return cut
	}
	return message
}

// denial is how the API server introduces the words of an admission webhook or
// policy.
var denial = regexp.MustCompile(`(admission webhook "[^"]*" denied the request: |ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: )`)

// deniedByPolicy tells a refusal that is meant for the caller from one of RBAC,
// which means that the gateway's own account lacks a permission.
func deniedByPolicy(message string) bool { return denial.MatchString(message) }

func denialText(message string) string {
	if at := denial.FindStringIndex(message); at != nil {
		return message[at[1]:]
	}
	return message
}
