package order_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

func TestComplete(t *testing.T) {
	express := class("express", time.Minute, 24*time.Hour, &metav1.Duration{Duration: time.Hour}, "refundMinor < 5")
	express.Spec.Currency = "JPY"
	express.Spec.NotificationChannels = []v1alpha1.NotificationChannel{"SMS"}
	own := &v1alpha1.OrderPolicy{ReturnWindow: &metav1.Duration{Duration: 87600 * time.Hour}, AutoApproveReturns: "true"}
	for name, c := range map[string]struct {
		class        *v1alpha1.OrderClass
		currency     v1alpha1.Currency
		wantCurrency v1alpha1.Currency
		wantClass    string
		want         v1alpha1.OrderPolicy
	}{
		"no class: the defaults are written down": {nil, "", "USD", "", v1alpha1.OrderPolicy{
			PendingTimeout: &metav1.Duration{Duration: 15 * time.Minute}, ReturnWindow: &metav1.Duration{Duration: 720 * time.Hour},
		}},
		"a class: its policy, and its currency": {&express, "", "JPY", "express", v1alpha1.OrderPolicy{
			PendingTimeout: &metav1.Duration{Duration: time.Minute}, ReturnWindow: &metav1.Duration{Duration: 24 * time.Hour},
			Retention: &metav1.Duration{Duration: time.Hour}, AutoApproveReturns: "refundMinor < 5",
			NotificationChannels: []v1alpha1.NotificationChannel{"SMS"},
		}},
		"the order's currency comes first": {&express, "EUR", "EUR", "express", express.Spec.OrderPolicy},
	} {
		o := anOrder().order()
		o.Finalizers, o.Spec.Currency, o.Spec.Policy = []string{"other"}, c.currency, own.DeepCopy()
		order.Complete(o, c.class)
		if diff := cmp.Diff(&c.want, o.Spec.Policy); diff != "" {
			t.Errorf("%s: policy (-want +got)\n%s", name, diff)
		}
		if o.Spec.Currency != c.wantCurrency || o.Spec.ClassName != c.wantClass {
			t.Errorf("%s: %s, class %q", name, o.Spec.Currency, o.Spec.ClassName)
		}
		if diff := cmp.Diff([]string{"other", v1alpha1.OrderFinalizer}, o.Finalizers); diff != "" {
			t.Errorf("%s: finalizers (-want +got)\n%s", name, diff)
		}
		again := o.DeepCopy()
		order.Complete(again, c.class)
		if diff := cmp.Diff(o, again); diff != "" {
			t.Errorf("%s: once more changes it\n%s", name, diff)
		}
	}
}

func TestStamp(t *testing.T) {
	forged := v1alpha1.Requester{RequestedBy: "the king", OnBehalfOf: "customer-1"}
	lie := metav1.NewTime(created().Add(-time.Hour))
	old := anOrder().order()
	o := anOrder().order()
	o.Spec.Cancellation = &v1alpha1.Cancellation{Requester: forged}
	o.Spec.Fulfillment = &v1alpha1.Fulfillment{Requester: forged}
	o.Spec.Return = &v1alpha1.Return{RequestID: "r1", RequestedAt: &lie, Requester: forged, Decision: &v1alpha1.ReturnDecision{Requester: forged}}
	order.Stamp(o, old, "olga", created())
	want := v1alpha1.Requester{RequestedBy: "olga", OnBehalfOf: "customer-1"}
	check := func(when string, o *v1alpha1.Order) {
		t.Helper()
		for name, got := range map[string]v1alpha1.Requester{
			"cancellation": o.Spec.Cancellation.Requester, "fulfillment": o.Spec.Fulfillment.Requester,
			"return": o.Spec.Return.Requester, "return.decision": o.Spec.Return.Decision.Requester,
		} {
			if got != want {
				t.Errorf("%s: %s by %+v, want %+v", when, name, got, want)
			}
		}
	}
	check("new", o)
	asked := metav1.NewTime(created())
	if got := o.Spec.Return.RequestedAt; !got.Equal(&asked) {
		t.Errorf("asked for at %v, want when it was admitted, %v", got, asked)
	}

	later := o.DeepCopy()
	for _, r := range []*v1alpha1.Requester{
		&later.Spec.Cancellation.Requester, &later.Spec.Fulfillment.Requester, &later.Spec.Return.Requester, &later.Spec.Return.Decision.Requester,
	} {
		*r = v1alpha1.Requester{}
	}
	order.Stamp(later, o, "mallory", created().Add(time.Hour))
	check("sent again without, by somebody else", later)
	if got := later.Spec.Return.RequestedAt; !got.Equal(&asked) {
		t.Errorf("sent again without a time: asked for at %v, want %v", got, asked)
	}

	later.Spec.Return = &v1alpha1.Return{RequestID: "r2", RequestedAt: &asked}
	order.Stamp(later, o, "mallory", created().Add(time.Hour))
	if got := later.Spec.Return.RequestedBy; got != "mallory" {
		t.Errorf("a new request by %q", got)
	}
	if got, want := later.Spec.Return.RequestedAt, metav1.NewTime(created().Add(time.Hour)); !got.Equal(&want) {
		t.Errorf("a new request was asked for at %v, want %v", got, want)
	}
}

func TestStampNew(t *testing.T) {
	o := anOrder().order()
	o.Spec.Cancellation = &v1alpha1.Cancellation{Requester: v1alpha1.Requester{RequestedBy: "the king"}}
	order.StampNew(o, "olga")
	if got := o.Spec.Cancellation.RequestedBy; got != "olga" {
		t.Errorf("by %q", got)
	}
}

func TestKeep(t *testing.T) {
	old := anOrder().order()
	order.Complete(old, nil)
	old.Spec.ClassName = "express"
	o := old.DeepCopy()
	o.Finalizers, o.Spec.Currency, o.Spec.ClassName, o.Spec.Policy = nil, "", "", nil
	order.Keep(o, old)
	if diff := cmp.Diff(old, o); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	now := metav1.NewTime(created())
	o.Finalizers, o.DeletionTimestamp = nil, &now
	order.Keep(o, old)
	if len(o.Finalizers) != 0 {
		t.Error("a deleted order is held")
	}
}
