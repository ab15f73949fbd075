package order

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/approval"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// behind is how soon to try again when a write showed that the cache is behind
// the API server. The event that brings the cache up to date wakes us as well;
// this is for the one that came in between.
const behind = 200 * time.Millisecond

// expectedWithin is how long the cache may take to show a status write of ours.
const expectedWithin = 10 * behind

type reconciler struct {
	// client reads from the cache and writes to the API server.
	client client.Client
	// statusWriter makes the writes that every order costs.
	statusWriter *cachedclient.StatusWriter
	// live reads from the API server.
	live    client.Reader
	clock   clock.PassiveClock
	metrics *orderMetrics
	// mirrored are the namespaces that a mirror serves.
	mirrored mirror.Namespaces
	// recorder makes the Events that tell people where they have to look.
	recorder events.EventRecorder
	rules    *approval.Rules
	// expectations are the status writes that the cache may not show yet.
	expectations *cachedclient.Expectations
}

// Reconcile takes at most one step with one order.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	facts, decision, err := r.evaluate(ctx, req.NamespacedName)
	if cachedclient.WasSetAside(err) {
		return r.whenSetAside(ctx, req.NamespacedName, facts)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if decision.Act == order.Nothing {
		return ctrl.Result{RequeueAfter: decision.RequeueAfter}, nil
	}
	decision, err = r.verify(ctx, req.NamespacedName, facts, decision)
	if cachedclient.WasSetAside(err) {
		return r.whenSetAside(ctx, req.NamespacedName, facts)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	err = r.act(ctx, facts.Order, decision)
	r.metrics.write(decision.Act, err)
	switch {
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err):
		return ctrl.Result{RequeueAfter: behind}, nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil // the order goes with its namespace
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("%s (rule %s): %w", decision.Act, decision.Rule, err)
	}
	if decision.Act == order.WriteStatus {
		r.expectations.Expect(facts.Order)
	}
	r.announce(ctx, facts, decision)
	return ctrl.Result{RequeueAfter: decision.RequeueAfter}, nil
}

// evaluate gathers what is known of an order and judges it. Where the cache does not
// have yet what was written about it last, nothing is decided and it is tried again.
func (r *reconciler) evaluate(ctx context.Context, key client.ObjectKey) (order.Facts, order.Decision, error) {
	facts, err := r.gather(ctx, key)
	if err != nil {
		return facts, order.Decision{}, err
	}
	if facts.Order != nil && r.expectations.Pending(facts.Order) {
		return facts, order.Decision{RequeueAfter: behind}, nil
	}
	return facts, judge(facts), nil
}

func judge(facts order.Facts) order.Decision {
	if facts.Order == nil {
		return order.Orphan(facts.Reservation)
	}
	return order.Judge(facts)
}

// gather reads what a decision rests on, from the cache and without copying it:
// nothing below may change what it is given. When something of it is set aside, that is the
// error; an order that is set aside itself is in the facts as far as it could be decoded.
func (r *reconciler) gather(ctx context.Context, key client.ObjectKey) (order.Facts, error) {
	facts := order.Facts{Mirrored: r.mirrored.Has(key.Namespace), Now: r.clock.Now()}
	o := &v1alpha1.Order{}
	switch err := r.client.Get(ctx, key, o, client.UnsafeDisableDeepCopy); {
	case err == nil:
		facts.Order = o
	case cachedclient.WasSetAside(err):
		facts.Order = o
		return facts, err
	case !apierrors.IsNotFound(err):
		return facts, fmt.Errorf("get the order: %w", err)
	}
	var err error
	if facts.Reservation, err = reservationOf(ctx, r.client, key, client.UnsafeDisableDeepCopy); err != nil || facts.Order == nil {
		return facts, err
	}
	if order.NeedsClass(facts.Order) {
		class, err := r.classOf(ctx, facts.Order)
		if err != nil {
			return facts, err
		}
		facts.Class = class
	}
	facts.AutoApproval = r.autoApproval(facts)
	return facts, nil
}

// reservationOf reads an order's reservation, as it was decided; nil when there is none.
// The journal is read first: a decision leaves it once it is on the reservation, so
// that it is in one or the other.
func reservationOf(ctx context.Context, from client.Reader, key client.ObjectKey, opts ...client.GetOption) (*v1alpha1.StockReservation, error) {
	seen := &v1alpha1.StockJournal{}
	err := from.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: v1alpha1.StockJournalName}, seen, opts...)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get the stock journal: %w", err)
	}
	reservation := &v1alpha1.StockReservation{}
	switch err := from.Get(ctx, key, reservation, opts...); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get the reservation: %w", err)
	}
	return journal.AsDecided(reservation, seen), nil
}

// autoApproval asks the policy's expression about a return that waits for a
// decision; nil when there is none to ask.
func (r *reconciler) autoApproval(facts order.Facts) *order.AutoApproval {
	policy := order.PolicyOf(facts.Order, facts.Class)
	if !order.NeedsAutoApproval(facts.Order, policy) {
		return nil
	}
	rule, err := r.rules.Compile(policy.AutoApproveReturns)
	if err != nil {
		return &order.AutoApproval{Problem: err.Error()}
	}
	approved, err := rule.Approves(facts.Order)
	if err != nil {
		return &order.AutoApproval{Problem: err.Error()}
	}
	return &order.AutoApproval{Approved: approved}
}

// classOf returns the class of an order that carries no policy of its own, nil
// when there is none. Admission gives every order its policy; this is for the
// cluster in which the webhooks are not installed.
func (r *reconciler) classOf(ctx context.Context, o *v1alpha1.Order) (*v1alpha1.OrderClass, error) {
	classes := &v1alpha1.OrderClassList{}
	if err := r.client.List(ctx, classes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the order classes: %w", err)
	}
	return order.ClassOf(o.Spec.ClassName, classes.Items), nil
}

// verify looks up live what a decision takes to be absent, and decides again on what it
// finds. What comes of that may rest on another absence, so it goes on until every absence
// the decision rests on was looked up; each is looked up once.
func (r *reconciler) verify(ctx context.Context, key client.ObjectKey, facts order.Facts, d order.Decision) (order.Decision, error) {
	verified := map[order.Verify]bool{order.VerifyNothing: true}
	for !verified[d.Verify] {
		verified[d.Verify] = true
		switch d.Verify {
		case order.VerifyReservation:
			reservation, err := reservationOf(ctx, r.live, key)
			if err != nil {
				return d, err
			}
			facts.Reservation = reservation
			d = judge(facts)
		case order.VerifyOrderAbsent:
			exists, err := r.ownerExists(ctx, key, d.Reservation)
			if err != nil {
				return d, err
			}
			if exists {
				return order.Decision{RequeueAfter: behind}, nil
			}
		default:
			return d, fmt.Errorf("rule %s asks to verify %q, which nobody can", d.Rule, d.Verify)
		}
	}
	return d, nil
}

// ownerExists looks up live whether the order that a reservation was made for is there, whether
// or not it can be decoded.
func (r *reconciler) ownerExists(ctx context.Context, key client.ObjectKey, reservation *v1alpha1.StockReservation) (bool, error) {
	o := &v1alpha1.Order{}
	switch err := r.live.Get(ctx, key, o); {
	case cachedclient.WasSetAside(err): // it has its name and uid
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look up the order of a reservation: %w", err)
	}
	return order.BelongsTo(reservation, o), nil
}

// act does the one write of a decision.
func (r *reconciler) act(ctx context.Context, o *v1alpha1.Order, d order.Decision) error {
	switch d.Act {
	case order.WriteStatus:
		return r.statusWriter.UpdateStatus(ctx, "orders", statusOf(o, d.Status))
	case order.CreateReservation:
		return r.statusWriter.Create(ctx, "stockreservations", d.Reservation)
	case order.UpdateReservation:
		return r.client.Update(ctx, d.Reservation)
	case order.DeleteReservation:
		return r.deleteReservation(ctx, d.Reservation)
	case order.DropFinalizer:
		return cachedclient.SetFinalizers(ctx, r.client, order.WithoutFinalizer(o))
	case order.RestoreFinalizers:
		return cachedclient.SetFinalizers(ctx, r.client, d.Order, v1alpha1.LeavingAnnotation)
	case order.DeleteOrder:
		gone := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name}}
		return r.client.Delete(ctx, gone, client.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion})
	default:
		return nil
	}
}

// statusOf is an order to write the status of. The API server takes nothing
// but the status from it, so nothing else is copied or sent.
func statusOf(o *v1alpha1.Order, status *v1alpha1.OrderStatus) *v1alpha1.Order {
	return &v1alpha1.Order{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion,
		},
		Status: *status,
	}
}
