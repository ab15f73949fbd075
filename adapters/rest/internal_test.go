package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kuberuntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

func TestErrorsOfTheAPIServerAreTranslated(t *testing.T) {
	kind, resource := schema.GroupKind{Group: "orderplane.dev", Kind: "Order"}, schema.GroupResource{Group: "orderplane.dev", Resource: "orders"}
	invalid := func(errs ...*field.Error) error { return apierrors.NewInvalid(kind, "o1", errs) }
	for name, tc := range map[string]struct {
		err    error
		status int
		code   string
		// message is what the message contains.
		message string
		fields  []wire.FieldError
	}{
		"field": {
			err:    invalid(field.Invalid(field.NewPath("spec", "items").Index(0).Child("unitPrice"), "1.2.3", "should be a decimal")),
			status: 400, code: codeInvalidRequest,
			fields: []wire.FieldError{{Field: "items[0].unitPrice", Message: "should be a decimal"}},
		},
		"field in the words of REST": {
			err:    invalid(field.Required(field.NewPath("spec", "items").Index(1).Child("productID"), "name it")),
			status: 400, code: codeInvalidRequest,
			fields: []wire.FieldError{{Field: "items[1].productId", Message: "name it"}},
		},
		"field of an intent": {
			err:    invalid(field.TooLong(field.NewPath("spec", "fulfillment", "carrier"), "", 100)),
			status: 400, code: codeInvalidRequest,
			fields: []wire.FieldError{{Field: "carrier", Message: "may not be more than 100 bytes"}},
		},
		"intent in the wrong phase": {
			err:    invalid(field.Forbidden(field.NewPath("spec", "cancellation"), "only an order that is Pending")),
			status: 409, code: codeInvalidTransition, message: "only an order that is Pending",
		},
		"intent set before": {
			err:    invalid(field.Invalid(field.NewPath("spec", "fulfillment"), "object", "a fulfillment is set once")),
			status: 409, code: codeInvalidTransition, message: "a fulfillment is set once",
		},
		"webhook": {
			err: apierrors.NewForbidden(resource, "o1", errors.New(
				`admission webhook "v1.orderplane.dev" denied the request: you may not approve returns`)),
			status: 403, code: codeForbidden, message: "you may not approve returns",
		},
		"our own account lacks a permission": {
			err:    apierrors.NewForbidden(resource, "o1", errors.New(`User "system:serviceaccount:x:gateway" cannot create`)),
			status: 500, code: codeInternal, message: "trace id",
		},
		"not found":    {err: apierrors.NewNotFound(resource, "o1"), status: 404, code: codeNotFound},
		"conflict":     {err: apierrors.NewConflict(resource, "o1", errors.New("x")), status: 412, code: codePreconditionFailed},
		"overload":     {err: apierrors.NewTooManyRequests("slow", 7), status: 503, code: codeServiceUnavailable},
		"etcd is away": {err: apierrors.NewInternalError(errors.New("etcdserver: leader changed")), status: 503, code: codeServiceUnavailable},
		"time-out":     {err: apierrors.NewTimeoutError("x", 1), status: 503, code: codeServiceUnavailable},
		"no answer":    {err: &url.Error{Op: "Get", Err: syscall.ECONNREFUSED}, status: 503, code: codeServiceUnavailable},
		"too slow":     {err: context.DeadlineExceeded, status: 503, code: codeServiceUnavailable},
		"too large":    {err: apierrors.NewRequestEntityTooLargeError("x"), status: 413, code: codePayloadTooLarge},
		"too large for etcd": {
			err: apierrors.NewInternalError(errors.New("etcdserver: request is too large")), status: 413, code: codePayloadTooLarge,
		},
		"the namespace is gone": {
			err:    apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"),
			status: 503, code: codeServiceUnavailable,
		},
		"quota": {
			err: apierrors.NewForbidden(resource, "o1", errors.New("exceeded quota: orders, requested: count/orders=1")), status: 503, code: codeServiceUnavailable,
		},
		"the namespace is being deleted": {err: terminating(resource), status: 503, code: codeServiceUnavailable},
		"answer not understood":          {err: &json.SyntaxError{Offset: 7}, status: 500, code: codeInternal},
		"client hung up":                 {err: fmt.Errorf("read the order: %w", context.Canceled), status: 499, code: "CLIENT_CLOSED_REQUEST"},
		"breaker":                        {err: &breakerOpenError{name: "x", retryAfter: 12 * time.Second}, status: 503, code: codeServiceUnavailable},
		"told":                           {err: fmt.Errorf("wrapped: %w", forbidden("no")), status: 403, code: codeForbidden, message: "no"},
	} {
		t.Run(name, func(t *testing.T) {
			got := problemOf(tc.err)
			if got.status != tc.status || got.code != tc.code {
				t.Fatalf("problem = %v, want %d %s", got, tc.status, tc.code)
			}
			if !strings.Contains(got.message, tc.message) {
				t.Errorf("message = %q, want %q in it", got.message, tc.message)
			}
			if diff := cmp.Diff(tc.fields, got.fields); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := problemOf(apierrors.NewTooManyRequests("slow", 7)).retryAfter; got != 7*time.Second {
		t.Errorf("Retry-After = %s", got)
	}
}

// terminating is what a namespace answers to a create while it is being deleted.
func terminating(resource schema.GroupResource) error {
	err := apierrors.NewForbidden(resource, "o1", errors.New("unable to create new content in namespace shop because it is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace"}}
	return err
}

func TestOnlyAnOutageCountsForTheBreaker(t *testing.T) {
	resource := schema.GroupResource{Resource: "orders"}
	asked := func(err error) error { return &url.Error{Op: "Get", URL: "https://10.0.0.1", Err: err} }
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"fine":                  {nil, false},
		"not found":             {apierrors.NewNotFound(resource, "x"), false},
		"exists":                {apierrors.NewAlreadyExists(resource, "x"), false},
		"conflict":              {apierrors.NewConflict(resource, "x", errors.New("changed")), false},
		"refused":               {apierrors.NewBadRequest("x"), false},
		"413":                   {apierrors.NewRequestEntityTooLargeError("x"), false},
		"too large for etcd":    {apierrors.NewInternalError(errors.New("etcdserver: request is too large")), false},
		"too large for gRPC":    {apierrors.NewInternalError(errors.New("rpc error: code = ResourceExhausted desc = trying to send message larger than max (2097162 vs. 2097152)")), false},
		"429":                   {apierrors.NewTooManyRequests("x", 1), false},
		"500":                   {apierrors.NewInternalError(errors.New("x")), true},
		"503":                   {apierrors.NewServiceUnavailable("x"), true},
		"504":                   {apierrors.NewTimeoutError("x", 1), true},
		"connection refused":    {asked(syscall.ECONNREFUSED), true},
		"time-out":              {asked(context.DeadlineExceeded), true},
		"time-out of ours":      {context.DeadlineExceeded, true},
		"answer cut off":        {fmt.Errorf("unexpected error when reading response body: %w", io.ErrUnexpectedEOF), true},
		"answer not understood": {&json.SyntaxError{Offset: 7}, false},
		"kind not known":        {kuberuntime.NewNotRegisteredErrForKind("x", schema.GroupVersionKind{Kind: "Order"}), false},
		"client hung up":        {context.Canceled, false},
	} {
		if got := isOutage(tc.err); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A dependency that fails half of the time is left alone: its callers are told at once.
func TestAnOpenBreakerCallsNobody(t *testing.T) {
	b := newBreaker("x", time.Second, isOutage)
	called := 0
	call := func(answer error) error {
		return b.call(t.Context(), func(context.Context) error {
			called++
			return answer
		})
	}
	for i := range breakerWindow {
		var answer error
		if i%2 == 1 {
			answer = &url.Error{Op: "Get", Err: syscall.ECONNREFUSED}
		}
		if err := call(answer); !errors.Is(err, answer) {
			t.Errorf("call %d: %v, want %v", i, err, answer)
		}
	}
	var open *breakerOpenError
	if err := call(nil); !errors.As(err, &open) || open.retryAfter <= 0 || called != breakerWindow {
		t.Errorf("after %d calls, half of which failed: %v, %d calls in all", breakerWindow, err, called)
	}
}

func TestForwardedAddressesAreBelievedFromProxiesOnly(t *testing.T) {
	s := &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for name, tc := range map[string]struct{ peer, forwarded, want string }{
		"no proxy":            {"203.0.113.1:99", "198.51.100.7", "203.0.113.1"},
		"a proxy":             {"10.0.0.1:99", "198.51.100.7", "198.51.100.7"},
		"two proxies":         {"10.0.0.1:99", "198.51.100.7, 10.1.1.1", "198.51.100.7"},
		"a client that lies":  {"10.0.0.1:99", "1.2.3.4, 198.51.100.7", "198.51.100.7"},
		"a proxy and no word": {"10.0.0.1:99", "", "10.0.0.1"},
		"rubbish":             {"10.0.0.1:99", "unknown", "10.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tc.peer
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := s.clientAddress(r); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestAPanicIsAnsweredAndTellsNothing(t *testing.T) {
	s := &Server{now: time.Now}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/api/orders", nil)
	s.panicked(&recorder{ResponseWriter: w}, r.WithContext(withCall(r.Context(), &call{trace: trace.Trace{ID: "t1"}})), "secret")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), "t1") {
		t.Errorf("answer = %d %s", w.Code, w.Body)
	}
}

func TestACommandIsRefusedForPhasesThatDoNotComeBack(t *testing.T) {
	cancel := tooLate("cancelled", v1alpha1.OrderConfirmed)
	for phase, want := range map[v1alpha1.OrderPhase]bool{
		v1alpha1.OrderPending: false, v1alpha1.OrderConfirmed: false, v1alpha1.OrderFulfilled: true, v1alpha1.OrderReturnRequested: true,
		v1alpha1.OrderReturned: true, v1alpha1.OrderCancelled: true,
	} {
		o := &v1alpha1.Order{}
		o.Status.Phase = phase
		if got := cancel(o) != nil; got != want {
			t.Errorf("cancel in %s: late = %v", phase, got)
		}
	}
}

// The order whose owner was checked may have been deleted and made again for somebody
// else: the patch is of the very one.
func TestACommandIsOfTheOrderThatWasChecked(t *testing.T) {
	o := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{UID: "uid-1", ResourceVersion: "7"}}
	for fenced, want := range map[bool]string{
		false: `{"metadata":{"uid":"uid-1"},"spec":{}}`,
		true:  `{"metadata":{"resourceVersion":"7","uid":"uid-1"},"spec":{}}`,
	} {
		patch, err := mergePatch(o, fenced, nil, map[string]any{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := patch.Data(o); err != nil || string(got) != want {
			t.Errorf("patch = %s, %v, want %s", got, err, want)
		}
	}
}

func TestAnOldRefusalIsNotMistakenForANewOne(t *testing.T) {
	order := func(generation int64, message string) *v1alpha1.Order {
		o := &v1alpha1.Order{}
		o.Status.ObservedGeneration = generation
		o.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.OrderConditionIntentRefused, Status: metav1.ConditionTrue, Reason: "TooLate", Message: message,
		}}
		return o
	}
	old := refusal(order(2, "the old one"))
	for name, tc := range map[string]struct {
		order  *v1alpha1.Order
		before *metav1.Condition
		want   string
	}{
		"new":              {order(3, "no"), nil, "no"},
		"not answered yet": {order(2, "no"), nil, ""},
		"still the old":    {order(3, "the old one"), old, ""},
		"another":          {order(3, "no"), old, "no"},
		"none":             {&v1alpha1.Order{}, nil, ""},
	} {
		if got := refusedSince(tc.order, 3, tc.before); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// More calls than there are slots wait for their turn within their own time, and nobody counts
// that against the dependency.
func TestCallsWithoutATurnAreNoFailures(t *testing.T) {
	b := newBreaker("x", 50*time.Millisecond, func(err error) bool { return err != nil })
	release, running := make(chan struct{}), sync.WaitGroup{}
	var inside atomic.Int64
	for range mostCalls {
		running.Go(func() {
			_ = b.callWithin(t.Context(), time.Minute, func(context.Context) error {
				inside.Add(1)
				<-release
				return nil
			})
		})
	}
	for inside.Load() < mostCalls {
		runtime.Gosched()
	}
	for range breakerWindow {
		err := b.call(t.Context(), func(context.Context) error {
			t.Error("one call more than there may be")
			return nil
		})
		if p := problemOf(err); p.status != http.StatusServiceUnavailable || p.retryAfter != time.Second {
			t.Errorf("the answer is %+v", p)
		}
	}
	close(release)
	running.Wait()
	if said := b.state(); said.State != "CLOSED" || said.Fails != 0 {
		t.Errorf("the breaker is %+v", said)
	}
	if err := b.call(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Errorf("after that a call fails: %v", err)
	}
}
