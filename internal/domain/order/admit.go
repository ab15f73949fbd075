package order

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
)

// Complete fills in what a new order takes from its class: the class's name, the
// currency, and the policy, whatever the order said of one; and the finalizer.
// Class is what ClassOf found, nil when there is none: then the defaults are
// written down, for an order keeps the policy it was created under.
func Complete(o *v1alpha1.Order, class *v1alpha1.OrderClass) {
	o.Spec.Policy = nil
	currency := CurrencyOf(o, class)
	p := PolicyOf(o, class)
	snapshot := &v1alpha1.OrderPolicy{
		PendingTimeout:     &metav1.Duration{Duration: p.PendingTimeout},
		ReturnWindow:       &metav1.Duration{Duration: p.ReturnWindow},
		AutoApproveReturns: p.AutoApproveReturns,
	}
	if p.Retention != nil {
		snapshot.Retention = &metav1.Duration{Duration: *p.Retention}
	}
	if class != nil {
		o.Spec.ClassName = class.Name
		snapshot.NotificationChannels = slices.Clone(class.Spec.NotificationChannels)
	}
	o.Spec.Policy = snapshot
	o.Spec.Currency = currency
	addFinalizer(o, v1alpha1.OrderFinalizer)
}

// StampNew writes down who asked for what a new order already asks for.
func StampNew(o *v1alpha1.Order, user string) {
	if c := o.Spec.Cancellation; c != nil {
		c.RequestedBy = ids.Requester(user)
	}
}

// Stamp writes down who asked for the intents that an update adds, and when a return
// was asked for, and keeps what was written down before, whatever the client sent.
func Stamp(o, old *v1alpha1.Order, user string, now time.Time) {
	by := ids.Requester(user)
	if c := o.Spec.Cancellation; c != nil {
		c.Requester = stamped(c.Requester, requesterOf(old.Spec.Cancellation), by)
	}
	if f := o.Spec.Fulfillment; f != nil {
		f.Requester = stamped(f.Requester, requesterOf(old.Spec.Fulfillment), by)
	}
	r := o.Spec.Return
	if r == nil {
		return
	}
	was := old.Spec.Return
	if was != nil && was.RequestID != r.RequestID {
		was = nil
	}
	r.Requester = stamped(r.Requester, requesterOf(was), by)
	at := metav1.NewTime(now)
	if r.RequestedAt = &at; was != nil {
		r.RequestedAt = was.RequestedAt
	}
	if r.Decision == nil {
		return
	}
	var decided *v1alpha1.ReturnDecision
	if was != nil {
		decided = was.Decision
	}
	r.Decision.Requester = stamped(r.Decision.Requester, requesterOf(decided), by)
	if r.Decision.Restock == nil && decided != nil {
		r.Decision.Restock = decided.Restock
	}
}

// Keep puts back what an update leaves out although it can't be taken away: what
// admission filled in when the order was created, and what the order says of the
// request that made it. Whoever applies the manifest
// that made the order, as GitOps does for ever, never sent these.
func Keep(o, old *v1alpha1.Order) {
	if o.Spec.ClassName == "" {
		o.Spec.ClassName = old.Spec.ClassName
	}
	if o.Spec.Currency == "" {
		o.Spec.Currency = old.Spec.Currency
	}
	if o.Spec.Policy == nil {
		o.Spec.Policy = old.Spec.Policy.DeepCopy()
	}
	v1alpha1.KeepRequestAnnotations(o, old)
	keepFinalizer(o, old, v1alpha1.OrderFinalizer)
}

// keepFinalizer puts a finalizer back that an update leaves out of a live order. That it may be
// taken off together with the mark of an order that leaves, and who may set that, is for the
// admission policy orderplane-archive to say.
func keepFinalizer(o, old *v1alpha1.Order, name string) {
	begins := isLeaving(o) && !isLeaving(old)
	if hasFinalizer(old, name) && o.DeletionTimestamp == nil && !begins {
		addFinalizer(o, name)
	}
}

// stamped is who asked for an intent: as it was before, or the user who adds it now.
func stamped(sent v1alpha1.Requester, before *v1alpha1.Requester, by string) v1alpha1.Requester {
	if before == nil {
		return v1alpha1.Requester{RequestedBy: by, OnBehalfOf: sent.OnBehalfOf}
	}
	return *before
}

// requesterOf returns who asked for an intent, nil when nobody did.
func requesterOf[I v1alpha1.Cancellation | v1alpha1.Fulfillment | v1alpha1.Return | v1alpha1.ReturnDecision](intent *I) *v1alpha1.Requester {
	if intent == nil {
		return nil
	}
	switch i := any(intent).(type) {
	case *v1alpha1.Cancellation:
		return &i.Requester
	case *v1alpha1.Fulfillment:
		return &i.Requester
	case *v1alpha1.Return:
		return &i.Requester
	case *v1alpha1.ReturnDecision:
		return &i.Requester
	}
	return nil
}
