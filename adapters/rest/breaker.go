package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The breakers, one for each dependency and direction: an API server that
// refuses to write may still be read. Each database may be on a server of its own.
const (
	kubernetesRead        = "kubernetes-api-read"
	kubernetesWrite       = "kubernetes-api-write"
	postgresOrders        = "postgres"
	postgresInventory     = "postgres-inventory"
	postgresNotifications = "postgres-notifications"
)

// The breaker's numbers are the REST contract's: open at 50 % failures of 10
// calls, half-open after 30 s. Three good calls close it again.
const (
	breakerWindow    = 10
	breakerFailures  = 5
	breakerDelay     = 30 * time.Second
	breakerSuccesses = 3
)

// breaker stops calling a dependency that fails, so that its callers get their
// answer at once and it gets time to recover.
type breaker struct {
	name    string
	timeout time.Duration
	// isOutage says whether the error of a call means that the dependency is in trouble.
	isOutage func(error) bool
	circuit  circuitbreaker.CircuitBreaker[any]
	// slots bound the calls at a time, so that a slow dependency holds up a bounded number of
	// requests and of connections.
	slots bulkhead.Bulkhead[any]
}

// mostCalls is how many calls of a dependency there are at a time. More than that wait for their
// turn, within their own time.
const mostCalls = 512

// breakerState is a breaker as /actuator/circuitbreakers shows it.
type breakerState struct {
	State string `json:"state"`
	Calls uint   `json:"bufferedCalls"`
	Fails uint   `json:"failedCalls"`
}

// breakerOpenError says that a call was not made.
type breakerOpenError struct {
	name       string
	retryAfter time.Duration
}

func (e *breakerOpenError) Error() string {
	return fmt.Sprintf("circuit breaker %s is open for another %s", e.name, e.retryAfter)
}

// newBreaker returns a closed breaker whose calls take at most timeout each.
func newBreaker(name string, timeout time.Duration, isOutage func(error) bool) *breaker {
	return &breaker{
		name:     name,
		timeout:  timeout,
		isOutage: isOutage,
		circuit: circuitbreaker.NewBuilder[any]().
			WithFailureThresholdRatio(breakerFailures, breakerWindow).
			WithSuccessThreshold(breakerSuccesses).
			WithDelay(breakerDelay).
			Build(),
		slots: bulkhead.New[any](mostCalls),
	}
}

// breakerBusyError says that a call was not made since there was no turn for it in its time.
type breakerBusyError struct{ name string }

func (e *breakerBusyError) Error() string {
	return fmt.Sprintf("%s has %d calls open already", e.name, mostCalls)
}

// call runs one call of the dependency. It does not end when the client hangs
// up: a write goes on anyway, and how it ends is what the breaker needs to know.
func (b *breaker) call(ctx context.Context, f func(context.Context) error) error {
	return b.callWithin(ctx, b.timeout, f)
}

// callWithin is call with a time of its own.
func (b *breaker) callWithin(ctx context.Context, timeout time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := b.slots.AcquirePermit(ctx); err != nil {
		return &breakerBusyError{name: b.name}
	}
	defer b.slots.ReleasePermit()
	if !b.circuit.TryAcquirePermit() {
		return &breakerOpenError{name: b.name, retryAfter: b.circuit.RemainingDelay()}
	}
	err := f(ctx)
	if b.isOutage(err) {
		b.circuit.RecordFailure()
	} else {
		b.circuit.RecordSuccess()
	}
	return err
}

func (b *breaker) state() breakerState {
	name := "CLOSED"
	switch {
	case b.circuit.IsOpen():
		name = "OPEN"
	case b.circuit.IsHalfOpen():
		name = "HALF_OPEN"
	}
	metrics := b.circuit.Metrics()
	return breakerState{State: name, Calls: metrics.Executions(), Fails: metrics.Failures()}
}

// isOutage says whether an error means that the API server is in trouble, rather
// than that it answered no, was asked nonsense, or was not understood here. Its
// 429 asks for patience and is no outage: opening the breaker on it would turn a
// short queue into 30 seconds of refusals.
func isOutage(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		answer := status.Status()
		return answer.Code >= http.StatusInternalServerError && !isTooLarge(answer)
	}
	return isNoAnswer(err)
}

// isNoAnswer says whether the API server could not be reached, took too long, or
// broke off in the middle of its answer.
func isNoAnswer(err error) bool {
	var (
		asked   *url.Error
		network net.Error
	)
	switch {
	case errors.Is(err, context.Canceled): // whoever asked went away
		return false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	return errors.As(err, &asked) || errors.As(err, &network)
}

// isTooLarge says whether a request was too large for the API server or for
// etcd, which the API server has no status code of its own for.
func isTooLarge(status metav1.Status) bool {
	return status.Code == http.StatusRequestEntityTooLarge ||
		strings.Contains(status.Message, "etcdserver: request is too large") ||
		strings.Contains(status.Message, "trying to send message larger than max")
}
