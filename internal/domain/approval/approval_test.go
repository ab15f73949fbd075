package approval_test

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/approval"
)

func order(total, refund string) *v1alpha1.Order {
	o := &v1alpha1.Order{}
	o.Spec.CustomerID = "vip-7"
	o.Spec.Items = []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 2, UnitPrice: "10.05"}}
	o.Status.Currency, o.Status.TotalAmount = "EUR", total
	o.Status.Return = &v1alpha1.OrderReturnStatus{RequestID: "r1", Reason: "broken", RefundAmount: refund}
	return o
}

func TestApproves(t *testing.T) {
	for _, c := range []struct {
		expression string
		want       bool
	}{
		{"true", true},
		{"refundMinor <= 2010 && order.status.currency == 'EUR'", true},
		{"refundMinor < 2010", false},
		{"refundedMinor == 0", true},
		{"refundMinor * 2 <= totalMinor", false},
		{"order.spec.customerID.startsWith('vip-')", true},
		{"order.spec.items.all(i, i.quantity <= 2)", true},
		{"order.status['return'].reason.contains('broken')", true},
		{"'contact' in order.spec && order.spec.contact.email != ''", false},
	} {
		rule, err := approval.Compile(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		if got, err := rule.Approves(order("20.10", "20.10")); err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", c.expression, got, err, c.want)
		}
	}
}

// Part by part, any order stays below a limit on refundMinor alone.
func TestPartsAreLimitedTogether(t *testing.T) {
	o := order("20.10", "5.00")
	rule, err := approval.Compile("refundedMinor + refundMinor <= 1000")
	if err != nil {
		t.Fatal(err)
	}
	for refunded, want := range map[string]bool{"": true, "5.00": true, "5.01": false} {
		o.Status.RefundAmount = refunded
		if got, err := rule.Approves(o); err != nil || got != want {
			t.Errorf("5.00 after %q: %t, %v; want %t", refunded, got, err, want)
		}
	}
	o.Status.RefundAmount = "much"
	if got, err := rule.Approves(o); err == nil || got {
		t.Errorf("after much: %t, %v; want no answer", got, err)
	}
}

func TestCompileRefuses(t *testing.T) {
	for expression, want := range map[string]string{
		"":                   "not a CEL expression",
		"refundMinor <":      "Syntax error",
		"refund < 3":         "undeclared reference to 'refund'",
		"refundMinor + 1":    "yields int, not true or false",
		"order.spec":         "not true or false",
		"refundMinor < 20.5": "no matching overload",
		"order.status.totalAmount < 3 && now() > 3": "undeclared reference to 'now'",
	} {
		if _, err := approval.Compile(expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", expression, err, want)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	endless := "order.spec.items.all(a, [1,2,3,4,5,6,7,8,9,0].all(b, [1,2,3,4,5,6,7,8,9,0].all(c, [1,2,3,4,5,6,7,8,9,0].all(d, " +
		"[1,2,3,4,5,6,7,8,9,0].all(e, a.quantity + b + c + d + e < 1000)))))"
	for _, c := range []struct {
		name, expression, total, want string
	}{
		{"a field that is not there", "order.spec.nothing == 1", "20.10", "no such key"},
		{"an amount beyond 64 bits", "true", "99999999999999990000.00", "too large"},
		{"an order that was never totalled", "true", "", "totalAmount"},
		{"an expression without end", endless, "20.10", "cost limit"},
	} {
		rule, err := approval.Compile(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := rule.Approves(order(c.total, "20.10"))
		if err == nil || !strings.Contains(err.Error(), c.want) || got {
			t.Errorf("%s: %t, %v; want no answer, because %q", c.name, got, err, c.want)
		}
	}
}

func TestRulesRemember(t *testing.T) {
	rules := &approval.Rules{}
	first, err := rules.Compile("refundMinor < 100")
	if err != nil {
		t.Fatal(err)
	}
	again, err := rules.Compile("refundMinor < 100")
	if err != nil || again != first {
		t.Errorf("compiled twice (%v)", err)
	}
	if _, err := rules.Compile("nonsense("); err == nil {
		t.Error("nonsense compiles")
	}
}
