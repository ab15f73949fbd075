package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// ask is a request for a command, before the order is read.
type ask struct {
	orderID      string
	ifMatch, key *string
	// says is all that was asked, to tell a repeat from another request under the
	// same key.
	says any
	// live is set where what to write depends on the order's last state.
	live bool
	// command plans what to write into the order. earlier is the return request
	// that an earlier request with the same key was about, if any.
	command func(order *v1alpha1.Order, earlier string) command
}

// command is an intent to write into an order's spec, and how to tell from
// the order that it was answered.
//
// The intent is a merge patch without a resourceVersion, unless If-Match asks for
// one: the CEL rules of Order compare it with what is stored at that moment, which
// fences it better than a version from a cache could, and spares the conflicts
// with status writes. The uid in the patch pins the order whose owner was checked.
type command struct {
	// impossible says why the order's phase does not allow it; nil when it may. It
	// must not be wrong about a phase that is a moment old.
	impossible func(*v1alpha1.Order) error
	// spec is the merge patch of spec.
	spec map[string]any
	// about is the return request that the command is about, if any.
	about string
	// asked says whether spec has this very intent already.
	asked func(*v1alpha1.Order) bool
	// done says whether status shows that the command was carried out.
	done func(*v1alpha1.Order) bool
	// refused says whether status shows that it was refused, and why.
	refused func(*v1alpha1.Order) (reason string, refused bool)
}

// outcome is an order after a command.
type outcome struct {
	order *v1alpha1.Order
	// decided is false when the wait was over before status answered.
	decided bool
	// repeated is true when nothing was written: the command had been given before.
	repeated bool
}

// run writes a command into an order and waits for its answer. A command that was
// given before is not given again; its answer is the order.
func (h *handlers) run(ctx context.Context, a ask) (outcome, error) {
	read := h.cluster.read
	if a.live {
		read = h.cluster.readLive
	}
	order, err := h.order(ctx, a.orderID, read)
	if isNoSuchOrder(err) {
		return h.runArchived(ctx, a)
	}
	if err != nil {
		return outcome{}, err
	}
	if out, repeated, err := h.repeated(ctx, order, a); repeated {
		return out, err
	}
	out, refusal := h.write(ctx, order, a)
	if !isRefused(refusal) {
		return out, refusal
	}
	// What was read may be older than the answer that the client lost.
	if order, err = h.order(ctx, a.orderID, h.cluster.readLive); err != nil {
		return outcome{}, err
	}
	if out, repeated, err := h.repeated(ctx, order, a); repeated {
		return out, err
	}
	return outcome{}, refusal
}

// runArchived answers a command about an order that the cluster does not have. One that was
// carried out is answered again; nothing else can be.
func (h *handlers) runArchived(ctx context.Context, a ask) (outcome, error) {
	known, err := h.archived(ctx, a.orderID)
	if err != nil {
		return outcome{}, err
	}
	if known == nil {
		return outcome{}, noSuchOrder(a.orderID)
	}
	order, err := seenBy(ctx, a.orderID, known.order, nil)
	if err != nil {
		return outcome{}, err
	}
	about := ""
	if a.key != nil {
		var fingerprint string
		before := order.Annotations[a.keyAnnotation(ctx)]
		if fingerprint, about, _ = strings.Cut(before, "."); before != "" && fingerprint != a.fingerprint() {
			return outcome{}, usedKey()
		}
	}
	if a.command(order, about).done(order) {
		return outcome{order: order, decided: true, repeated: true}, nil
	}
	return outcome{}, leftTheCluster(order)
}

func isRefused(err error) bool {
	if err == nil {
		return false
	}
	told := problemOf(err)
	return told.status == http.StatusConflict || told.status == http.StatusPreconditionFailed
}

// write writes a command that is new to the order.
func (h *handlers) write(ctx context.Context, order *v1alpha1.Order, a ask) (outcome, error) {
	order, err := h.ofVersion(ctx, order, a.ifMatch)
	if err != nil {
		return outcome{}, err
	}
	c := a.command(order, "")
	if err := c.impossible(order); err != nil {
		return outcome{}, err
	}
	patch, err := mergePatch(order, isFenced(a.ifMatch), a.memory(ctx, c), c.spec)
	if err != nil {
		return outcome{}, err
	}
	written, err := h.cluster.patch(ctx, order.Name, patch)
	switch {
	case apierrors.IsNotFound(err):
		return outcome{}, noSuchOrder(order.Name)
	case apierrors.IsConflict(err) && !isFenced(a.ifMatch):
		return outcome{}, h.conflict(ctx, order, err)
	case err != nil:
		return outcome{}, problemOf(err)
	}
	return h.await(ctx, order, written, c)
}

// conflict says why a patch that names no version met another: the order was
// deleted and made again, or is written too often for the API server to merge.
func (h *handlers) conflict(ctx context.Context, order *v1alpha1.Order, cause error) error {
	live, err := h.order(ctx, order.Name, h.cluster.readLive)
	switch {
	case err != nil:
		return err
	case live.UID != order.UID:
		return noSuchOrder(order.Name)
	default:
		return unavailable(0, cause)
	}
}

// await waits until status answers the command. before is the order as it was
// read, written as the write left it.
func (h *handlers) await(ctx context.Context, before, written *v1alpha1.Order, c command) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, h.wait)
	defer cancel()
	refusedBefore := refusal(before)
	var why string
	answered := func(order *v1alpha1.Order) bool {
		if order.UID != written.UID || order.Generation < written.Generation {
			return false
		}
		if c.done(order) {
			return true
		}
		why = refusedSince(order, written.Generation, refusedBefore)
		if reason, refused := c.refused(order); refused {
			why = reason
		}
		return why != ""
	}
	order := written
	if !answered(written) {
		order = h.cluster.awaitOrder(ctx, written.Name, answered)
	}
	switch {
	case order == nil:
		return outcome{order: written}, nil
	case c.done(order):
		return outcome{order: order, decided: true}, nil
	default:
		return outcome{}, invalidTransition(why)
	}
}

// tooLate returns what refuses a command in phases that can't come back to one
// that allows it, so that even a stale phase is reason enough.
func tooLate(verb string, allowed v1alpha1.OrderPhase) func(*v1alpha1.Order) error {
	rank := map[v1alpha1.OrderPhase]int{
		v1alpha1.OrderPending: 0, v1alpha1.OrderConfirmed: 1, v1alpha1.OrderFulfilled: 2, v1alpha1.OrderReturnRequested: 3,
	}
	return func(order *v1alpha1.Order) error {
		phase := order.Status.Phase
		if !isFinal(phase) && rank[phase] <= rank[allowed] {
			return nil
		}
		return invalidTransition(fmt.Sprintf("an order that is %s can't be %s", statusOf(phase), verb))
	}
}

func isFinal(phase v1alpha1.OrderPhase) bool {
	return phase == v1alpha1.OrderCancelled || phase == v1alpha1.OrderReturned
}

// refusedSince returns why the order controller refused an intent, unless it is
// an older refusal that still stands.
func refusedSince(order *v1alpha1.Order, generation int64, before *metav1.Condition) string {
	now := refusal(order)
	if now == nil || order.Status.ObservedGeneration < generation {
		return ""
	}
	if before != nil && before.Reason == now.Reason && before.Message == now.Message {
		return ""
	}
	return now.Message
}

func mergePatch(object client.Object, fenced bool, annotations map[string]string, spec map[string]any) (client.Patch, error) {
	metadata := map[string]any{"uid": object.GetUID()}
	if fenced {
		metadata["resourceVersion"] = object.GetResourceVersion()
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	body, err := json.Marshal(map[string]any{"metadata": metadata, "spec": spec})
	if err != nil {
		return nil, fmt.Errorf("write the patch of %s: %w", object.GetName(), err)
	}
	return client.RawPatch(types.MergePatchType, body), nil
}
