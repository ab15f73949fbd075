package order

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// What holds for an order whose class, and its own policy, say nothing.
const (
	DefaultPendingTimeout = 15 * time.Minute
	DefaultReturnWindow   = 720 * time.Hour
	DefaultCurrency       = v1alpha1.Currency("USD")
)

// Policy is an OrderPolicy with its defaults filled in.
type Policy struct {
	PendingTimeout time.Duration
	ReturnWindow   time.Duration
	// Retention of a finished order; nil keeps it.
	Retention          *time.Duration
	AutoApproveReturns string
}

// PolicyOf returns the policy an order follows: its own, which admission took
// from its class when it was created; else what the class says now; else the
// defaults. Class may be nil.
func PolicyOf(o *v1alpha1.Order, class *v1alpha1.OrderClass) Policy {
	source := o.Spec.Policy
	if source == nil && class != nil {
		source = &class.Spec.OrderPolicy
	}
	p := Policy{PendingTimeout: DefaultPendingTimeout, ReturnWindow: DefaultReturnWindow}
	if source == nil {
		return p
	}
	if source.PendingTimeout != nil {
		p.PendingTimeout = source.PendingTimeout.Duration
	}
	if source.ReturnWindow != nil {
		p.ReturnWindow = source.ReturnWindow.Duration
	}
	if source.Retention != nil {
		p.Retention = &source.Retention.Duration
	}
	p.AutoApproveReturns = source.AutoApproveReturns
	return p
}

// CurrencyOf returns the currency of an order's prices. Class may be nil.
func CurrencyOf(o *v1alpha1.Order, class *v1alpha1.OrderClass) v1alpha1.Currency {
	switch {
	case o.Spec.Currency != "":
		return o.Spec.Currency
	case o.Status.Currency != "":
		return o.Status.Currency
	case class != nil && class.Spec.Currency != "":
		return class.Spec.Currency
	}
	return DefaultCurrency
}

// NeedsClass is whether a decision about the order asks its class.
func NeedsClass(o *v1alpha1.Order) bool { return o.Spec.Policy == nil }

// NeedsAutoApproval is whether the order has a return that waits for a decision
// and a policy that may give it.
func NeedsAutoApproval(o *v1alpha1.Order, p Policy) bool {
	return p.AutoApproveReturns != "" && o.Status.Phase == v1alpha1.OrderReturnRequested &&
		o.Status.Return != nil && o.Status.Return.State == v1alpha1.ReturnRequested &&
		o.Spec.Return != nil && o.Spec.Return.Decision == nil
}
