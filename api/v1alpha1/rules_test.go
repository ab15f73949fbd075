package v1alpha1_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/config"
)

// object is an object in the form the API server judges it in.
type object = map[string]any

// good are objects that break no rule, by the plural of their kind.
func good(plural string) object {
	return map[string]object{
		"orders": {
			"metadata": object{"name": "o-1"},
			"spec": object{
				"customerID": "c-1", "currency": "EUR", "className": "standard",
				"items":           []any{object{"productID": "tea", "quantity": int64(2), "unitPrice": "2.50"}},
				"shippingAddress": object{"street": "Main St 1", "city": "Berlin", "country": "DE", "zip": "10115"},
				"policy":          object{"pendingTimeout": "15m", "notificationChannels": []any{"EMAIL"}},
			},
			"status": object{"phase": "Confirmed"},
		},
		"orderclasses": {"metadata": object{"name": "standard"}, "spec": object{"pendingTimeout": "15m", "returnWindow": "0s", "retention": "1h"}},
		"stockitems":   {"metadata": object{"name": "tea"}, "spec": object{"openingQuantity": int64(5)}},
		"stockadjustments": {
			"metadata": object{"name": "a-1"},
			"spec":     object{"productID": "tea", "kind": "Adjusted", "quantity": int64(-1), "reason": "broken"},
		},
		"stockreservations": {
			"metadata": object{"name": "o-1"},
			"spec": object{
				"orderRef": object{"name": "o-1", "uid": "u-1"}, "intent": "Hold",
				"lines": []any{object{"productID": "tea", "quantity": int64(2)}, object{"productID": "mug", "quantity": int64(1)}},
			},
			"status": object{"phase": "Reserved"},
		},
		"stockjournals": {"metadata": object{"name": "stock"}, "status": object{"epoch": int64(1)}},
	}[plural]
}

// edits are fields to set, by their path with dots; nil takes a field away.
type edits map[string]any

func (e edits) of(o object) object {
	o = runtime.DeepCopyJSON(o)
	for path, value := range e {
		fields := strings.Split(path, ".")
		if value == nil {
			unstructured.RemoveNestedField(o, fields...)
		} else if err := unstructured.SetNestedField(o, value, fields...); err != nil {
			panic(err)
		}
	}
	return o
}

// judge is what the API server says of a kind's objects by the rules in its CRD.
type judge struct {
	schema    *schema.Structural
	validator *cel.Validator
}

func newJudge(t testing.TB, plural string) judge {
	t.Helper()
	data, err := config.CRDs.ReadFile("crd/bases/orderplane.dev_" + plural + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(data, crd); err != nil {
		t.Fatal(err)
	}
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(internal)
	if err != nil {
		t.Fatal(err)
	}
	return judge{schema: structural, validator: cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// of judges a new object, or what an old one is changed to.
func (j judge) of(t testing.TB, now, old object) field.ErrorList {
	var before any
	var options []cel.Option
	if old != nil {
		before = old
		options = append(options, cel.WithRatcheting(common.NewCorrelatedObject(now, old, &model.Structural{Structural: j.schema})))
	}
	errs, _ := j.validator.Validate(t.Context(), nil, j.schema, now, before, celconfig.RuntimeCELCostBudget, options...)
	return errs
}

// wish is what somebody asks for: a new object, or a change of one.
type wish struct {
	plural string
	// create is true for a new object. Otherwise old is what the good one was
	// edited to before.
	create   bool
	old, now edits
	// refused is the field and the start of the message; empty when it is allowed.
	refused string
}

var (
	cancelled      = object{"reason": "CUSTOMER_REQUEST"}
	shipped        = object{"carrier": "DHL"}
	asked          = object{"requestID": "r-1", "reason": "too small"}
	askedAgain     = object{"requestID": "r-2", "reason": "too small"}
	askedOtherwise = object{"requestID": "r-1", "reason": "too big"}
	askedForTea    = object{"requestID": "r-1", "reason": "too small", "items": []any{object{"productID": "tea", "quantity": int64(1)}}}
	approved       = object{"requestID": "r-1", "reason": "too small", "decision": object{"verdict": "Approve"}}
	rejected       = object{"requestID": "r-1", "reason": "too small", "decision": object{"verdict": "Reject", "reason": "worn"}}
)

// A stock item whose opening quantity was counted, and one whose manifest says it no more.
var (
	counted        = edits{"status.onHand": int64(7), "status.openingQuantity": int64(5)}
	countedAndGone = edits{"status.onHand": int64(7), "status.openingQuantity": int64(5), "spec.openingQuantity": nil}
)

func lines(products ...string) []any {
	all := []any{}
	for _, p := range products {
		all = append(all, object{"productID": p, "quantity": int64(1)})
	}
	return all
}

// ofLines are items of a return that name a line each.
func ofLines(numbers ...int64) []any {
	all := []any{}
	for _, n := range numbers {
		all = append(all, object{"productID": "tea", "quantity": int64(1), "line": n})
	}
	return all
}

func priced(price string) []any {
	return []any{object{"productID": "tea", "quantity": int64(1), "unitPrice": price}}
}

var wishes = []wish{
	// What was ordered never changes.
	{plural: "orders", create: true, now: edits{"metadata.name": strings.Repeat("o", 64)}, refused: "<nil>: an order's name is its id"},
	{plural: "orders", now: edits{"spec.customerID": "c-2"}, refused: "spec.customerID: an order keeps its customer"},
	{plural: "orders", now: edits{"spec.items": priced("2.00")}, refused: "spec.items: the lines of an order never change"},
	{plural: "orders", now: edits{"spec.currency": "USD"}, refused: "spec.currency: an order keeps its currency"},
	{plural: "orders", now: edits{"spec.currency": nil}, refused: "spec.currency: an order keeps its currency"},
	{plural: "orders", old: edits{"spec.currency": nil}, now: edits{"spec.currency": "EUR"}, refused: "spec.currency: an order keeps its currency"},
	{plural: "orders", now: edits{"spec.className": "gold"}, refused: "spec.className: an order keeps its class"},
	{plural: "orders", now: edits{"spec.className": nil}, refused: "spec.className: an order keeps its class"},
	{plural: "orders", old: edits{"spec.className": nil}, now: edits{"spec.className": "gold"}, refused: "spec.className: an order keeps its class"},
	{plural: "orders", now: edits{"spec.policy.pendingTimeout": "1h"}, refused: "spec.policy: an order keeps the policy"},
	{plural: "orders", now: edits{"spec.policy": nil}, refused: "spec.policy: an order keeps the policy"},
	{plural: "orders", old: edits{"spec.policy": nil}, now: edits{"spec.policy": object{}}, refused: "spec.policy: an order keeps the policy"},
	{plural: "orders", now: edits{"spec.shippingAddress.zip": "10117"}, refused: "spec.shippingAddress: an order keeps its address"},
	{plural: "orders", now: edits{"spec.shippingAddress.company": "ACME"}, refused: "spec.shippingAddress: an order keeps its address"},
	{plural: "orders", now: edits{"spec.shippingAddress.zip": nil}, refused: "spec.shippingAddress: an order keeps its address"},
	{plural: "orders", old: edits{"spec.contact": object{"email": "a@b"}}, now: edits{"spec.contact.email": "c@d"}, refused: "spec.contact: an order keeps its contact"},
	{plural: "orders", old: edits{"spec.contact": object{"email": "a@b"}}, now: edits{"spec.contact": nil}, refused: "spec.contact: an order keeps its contact"},
	{plural: "orders", now: edits{"spec.contact": object{"email": "a@b"}}, refused: "spec.contact: an order keeps its contact"},
	{plural: "orders", now: edits{"status.phase": "Cancelled"}},
	// Prices, as long as nobody has bought.
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.000005")}},
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.0000005")}, refused: "spec.items: a unitPrice has more than four decimals beyond"},
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.0000005"), "spec.currency": nil}, refused: "spec.items: a unitPrice has more than four decimals beyond"},
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.00005"), "spec.currency": "JPY"}, refused: "spec.items: a unitPrice has more than four decimals beyond"},
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.0005"), "spec.currency": "JPY"}},
	{plural: "orders", create: true, now: edits{"spec.items": priced("15"), "spec.currency": "JPY"}},
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.0000005"), "spec.currency": "KWD"}},
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.00000051"), "spec.currency": "KWD"}, refused: "spec.items: a unitPrice has more than four decimals beyond"},
	{plural: "orders", create: true, now: edits{"spec.items": priced("1.00000051"), "spec.currency": "CLF"}},
	// The basket an order is made of.
	{plural: "orders", create: true, now: edits{"spec.reservationRef": object{"name": "basket-1"}}},
	{plural: "orders", create: true, now: edits{"spec.reservationRef": object{"name": "o-1"}}, refused: "spec.reservationRef.name: the order's own reservation takes the order's name"},
	{plural: "orders", now: edits{"spec.reservationRef": object{"name": "basket-1"}}, refused: "spec.reservationRef: an order keeps the reservation it takes over"},
	{plural: "orders", old: edits{"spec.reservationRef": object{"name": "basket-1"}}, now: edits{"spec.reservationRef": nil}, refused: "spec.reservationRef: an order keeps the reservation it takes over"},
	{plural: "orders", old: edits{"spec.reservationRef": object{"name": "basket-1"}}, now: edits{"spec.reservationRef.name": "basket-2"}, refused: "spec.reservationRef: an order keeps the reservation it takes over"},
	{plural: "orders", old: edits{"spec.reservationRef": object{"name": "basket-1"}}, now: edits{"spec.cancellation": cancelled}},
	// Each intent in its phase, once.
	{plural: "orders", create: true},
	{plural: "orders", create: true, now: edits{"spec.cancellation": cancelled}},
	{plural: "orders", now: edits{"spec.cancellation": cancelled}},
	{plural: "orders", old: edits{"status": nil}, now: edits{"spec.cancellation": cancelled}, refused: "spec.cancellation: only an order that is Pending or Confirmed"},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.cancellation": cancelled}, refused: "spec.cancellation: only an order that is Pending or Confirmed"},
	{plural: "orders", old: edits{"spec.fulfillment": shipped}, now: edits{"spec.cancellation": cancelled}, refused: "spec.cancellation: only an order that is Pending or Confirmed"},
	{plural: "orders", old: edits{"spec.cancellation": cancelled}, now: edits{"spec.cancellation": nil}, refused: "spec.cancellation: a cancellation is set once"},
	{plural: "orders", old: edits{"spec.cancellation": cancelled}, now: edits{"spec.cancellation.reason": "PAYMENT_FAILED"}, refused: "spec.cancellation: a cancellation is set once"},
	{plural: "orders", create: true, now: edits{"spec.fulfillment": shipped}, refused: "spec.fulfillment: only a Confirmed order"},
	{plural: "orders", now: edits{"spec.fulfillment": shipped}},
	{plural: "orders", old: edits{"status.phase": "Pending"}, now: edits{"spec.fulfillment": shipped}, refused: "spec.fulfillment: only a Confirmed order"},
	{plural: "orders", old: edits{"spec.cancellation": cancelled}, now: edits{"spec.fulfillment": shipped}, refused: "spec.fulfillment: only a Confirmed order"},
	{plural: "orders", old: edits{"spec.fulfillment": shipped}, now: edits{"spec.fulfillment": nil}, refused: "spec.fulfillment: a fulfillment is set once"},
	{plural: "orders", old: edits{"spec.fulfillment": shipped}, now: edits{"spec.fulfillment.carrier": "UPS"}, refused: "spec.fulfillment: a fulfillment is set once"},
	{plural: "orders", create: true, now: edits{"spec.return": asked}, refused: "spec.return: only a Fulfilled order"},
	{plural: "orders", now: edits{"spec.return": asked}, refused: "spec.return: only a Fulfilled order"},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.return": asked}},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.return": askedForTea}},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.return": edits{"items": lines("tea", "tea")}.of(asked)}, refused: "spec.return.items: name each line once"},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.return": edits{"items": ofLines(1, 2)}.of(asked)}},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.return": edits{"items": ofLines(2, 2)}.of(asked)}, refused: "spec.return.items: name each line once"},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.return": edits{"items": append(ofLines(1), lines("tea")...)}.of(asked)}, refused: "spec.return.items: name each line once"},
	{plural: "orders", old: edits{"spec.return": asked}, now: edits{"spec.return": nil}, refused: "spec.return: a return request is never removed"},
	{plural: "orders", old: edits{"spec.return": asked}, now: edits{"spec.return": askedOtherwise}, refused: "spec.return: a return request is never changed"},
	{plural: "orders", old: edits{"spec.return": asked}, now: edits{"spec.return": askedForTea}, refused: "spec.return: a return request is never changed"},
	{plural: "orders", old: edits{"spec.return": askedForTea}, now: edits{"spec.return": asked}, refused: "spec.return: a return request is never changed"},
	{plural: "orders", old: edits{"spec.return": askedForTea}, now: edits{"spec.return.items": lines("mug")}, refused: "spec.return: a return request is never changed"},
	{plural: "orders", old: edits{"spec.return": rejected, "status.phase": "Fulfilled"}, now: edits{"spec.return": askedAgain}},
	{plural: "orders", old: edits{"spec.return": asked}, now: edits{"spec.return": askedAgain}, refused: "spec.return: only a Fulfilled order"},
	{plural: "orders", old: edits{"spec.return": asked, "status.phase": "ReturnRequested"}, now: edits{"spec.return": approved}},
	{plural: "orders", old: edits{"spec.return": asked, "status.phase": "ReturnRequested"}, now: edits{"spec.return": rejected}},
	{plural: "orders", old: edits{"spec.return": asked, "status.phase": "Fulfilled"}, now: edits{"spec.return": approved}, refused: "spec.return.decision: only a return that was requested"},
	{plural: "orders", old: edits{"status.phase": "Fulfilled"}, now: edits{"spec.return": approved}, refused: "spec.return.decision: only a return that was requested"},
	{plural: "orders", old: edits{"spec.return": asked, "status.phase": "ReturnRequested"}, now: edits{"spec.return.decision": object{"verdict": "Reject"}}, refused: "spec.return.decision.reason: a rejection needs a reason"},
	{plural: "orders", old: edits{"spec.return": approved}, now: edits{"spec.return": asked}, refused: "spec.return.decision: a decision is set once"},
	{plural: "orders", old: edits{"spec.return": approved}, now: edits{"spec.return": rejected}, refused: "spec.return.decision: a decision is set once"},
	// Reservations.
	{plural: "stockreservations", create: true},
	{plural: "stockreservations", create: true, now: edits{"spec.lines": lines("tea", "tea")}, refused: "spec.lines: name each product once"},
	{plural: "stockreservations", now: edits{"spec.lines": lines("tea")}, refused: "spec.lines: the lines of a reservation never change"},
	{plural: "stockreservations", now: edits{"spec.orderRef": nil}, refused: "spec.orderRef: a reservation keeps its order"},
	{plural: "stockreservations", now: edits{"spec.orderRef.uid": "u-2"}, refused: "spec.orderRef: a reservation keeps its order"},
	{plural: "stockreservations", old: edits{"spec.orderRef": nil}, now: edits{"spec.orderRef": object{"name": "o-1", "uid": "u-1"}}, refused: "spec.orderRef: a reservation keeps its order"},
	{plural: "stockreservations", create: true, now: edits{"spec.expiresAt": "2026-01-01T00:00:00Z"}, refused: "spec.expiresAt: a reservation of an order ends with the order"},
	{plural: "stockreservations", create: true, now: edits{"spec.orderRef": nil, "spec.expiresAt": "2026-01-01T00:00:00Z"}},
	{plural: "stockreservations", now: edits{"spec.intent": "Commit"}},
	{plural: "stockreservations", now: edits{"spec.intent": "Release"}},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.intent": "Restock"}},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.intent": "Hold"}, refused: "spec.intent: intent goes from Hold"},
	{plural: "stockreservations", old: edits{"spec.intent": "Release"}, now: edits{"spec.intent": "Restock"}, refused: "spec.intent: intent goes from Hold"},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.intent": "Restock", "spec.restock": []any{}}},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.restock": lines("tea")}, refused: "spec.restock: restock goes with the intent Restock"},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock"}, now: edits{"spec.restock": lines("tea")}, refused: "spec.restock: restock is set together with the intent"},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}, now: edits{"spec.restock": lines("tea", "mug")}},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}, now: edits{"spec.restock": lines("mug", "tea")}},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}, now: edits{"spec.restock": []any{object{"productID": "tea", "quantity": int64(2)}}}},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": []any{}}, now: edits{"spec.restock": lines("tea")}},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}, now: edits{"spec.restock": lines("mug")}, refused: "spec.restock: restock only grows"},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}, now: edits{"spec.restock": []any{}}, refused: "spec.restock: restock only grows"},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": []any{object{"productID": "tea", "quantity": int64(2)}}}, now: edits{"spec.restock": lines("tea")}, refused: "spec.restock: restock only grows"},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}, now: edits{"spec.restock": nil}, refused: "spec.restock: restock only grows"},
	{plural: "stockreservations", old: edits{"spec.intent": "Restock", "spec.restock": lines("tea")}, now: edits{"spec.restock": []any{object{"productID": "tea", "quantity": int64(3)}}}, refused: "spec.restock: restock names what was reserved"},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.intent": "Restock", "spec.restock": lines("tea", "tea")}, refused: "spec.restock: name each product once"},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.intent": "Restock", "spec.restock": lines("pot")}, refused: "spec.restock: restock names what was reserved"},
	{plural: "stockreservations", old: edits{"spec.intent": "Commit"}, now: edits{"spec.intent": "Restock", "spec.restock": []any{object{"productID": "mug", "quantity": int64(2)}}}, refused: "spec.restock: restock names what was reserved"},
	{plural: "stockreservations", create: true, now: edits{"spec.customerID": "auth0|x", "spec.takeOver": object{"name": "basket"}}},
	{plural: "stockreservations", old: edits{"spec.customerID": "a"}, now: edits{"spec.customerID": "b"}, refused: "spec.customerID: a reservation keeps its customer"},
	{plural: "stockreservations", old: edits{"spec.customerID": "a"}, now: edits{"spec.customerID": nil}, refused: "spec.customerID: a reservation keeps its customer"},
	{plural: "stockreservations", now: edits{"spec.customerID": "a"}, refused: "spec.customerID: a reservation keeps its customer"},
	{plural: "stockreservations", old: edits{"spec.takeOver": object{"name": "a"}}, now: edits{"spec.takeOver": object{"name": "b"}}, refused: "spec.takeOver: what a reservation takes over"},
	{plural: "stockreservations", old: edits{"spec.takeOver": object{"name": "a"}}, now: edits{"spec.takeOver": nil}, refused: "spec.takeOver: what a reservation takes over"},
	{plural: "stockreservations", now: edits{"spec.takeOver": object{"name": "a"}}, refused: "spec.takeOver: what a reservation takes over"},
	// Stock.
	{plural: "stockitems", create: true, now: edits{"metadata.name": strings.Repeat("i", 64)}, refused: "<nil>: an item's name is its product id"},
	{plural: "stockitems", now: edits{"spec.openingQuantity": int64(6)}, refused: "spec.openingQuantity: openingQuantity counts once"},
	{plural: "stockitems", now: edits{"spec.safetyStock": int64(6)}},
	// openingQuantity taken out of Git, and put back.
	{plural: "stockitems", old: counted, now: edits{"spec.openingQuantity": nil}},
	{plural: "stockitems", now: edits{"spec.openingQuantity": nil}, refused: "spec.openingQuantity: openingQuantity counts until"},
	{plural: "stockitems", old: edits{"spec.openingQuantity": int64(0)}, now: edits{"spec.openingQuantity": nil}},
	{plural: "stockitems", old: countedAndGone, now: edits{"spec.safetyStock": int64(6)}},
	{plural: "stockitems", old: countedAndGone, now: edits{"spec.openingQuantity": int64(5)}},
	{plural: "stockitems", old: countedAndGone, now: edits{"spec.openingQuantity": int64(6)}, refused: "spec.openingQuantity: openingQuantity counts once"},
	{plural: "stockitems", old: countedAndGone, now: edits{"spec.openingQuantity": int64(0)}, refused: "spec.openingQuantity: openingQuantity counts once"},
	{plural: "stockitems", old: edits{"spec.openingQuantity": nil}, now: edits{"spec.openingQuantity": int64(0)}},
	{plural: "stockitems", old: edits{"spec.openingQuantity": nil}, now: edits{"spec.openingQuantity": int64(5)}, refused: "spec.openingQuantity: openingQuantity counts once"},
	{plural: "stockadjustments", create: true},
	{plural: "stockadjustments", now: edits{"spec.quantity": int64(-2)}, refused: "spec: a stock document never changes"},
	{plural: "stockadjustments", now: edits{"spec.expectedOnHand": int64(2)}, refused: "spec: a stock document never changes"},
	{plural: "stockadjustments", create: true, now: edits{"spec.kind": "Received"}, refused: "spec.quantity: goods that came in"},
	{plural: "stockadjustments", create: true, now: edits{"spec.quantity": int64(0)}, refused: "spec.quantity: a correction of nothing"},
	{plural: "stockadjustments", create: true, now: edits{"spec.kind": "Counted", "spec.countedAt": "2026-01-01T00:00:00Z"}, refused: "spec.quantity: a count is not negative"},
	{plural: "stockadjustments", create: true, now: edits{"spec.reason": nil}, refused: "spec.reason: a correction needs a reason"},
	{plural: "stockadjustments", create: true, now: edits{"spec.kind": "Counted", "spec.quantity": int64(3)}, refused: "spec.countedAt: countedAt says when"},
	{plural: "stockadjustments", create: true, now: edits{"spec.countedAt": "2026-01-01T00:00:00Z"}, refused: "spec.countedAt: countedAt says when"},
	{plural: "stockadjustments", create: true, now: edits{"spec.expectedOnHand": int64(3)}, refused: "spec.expectedOnHand: expectedOnHand goes with Counted only"},
	{plural: "stockjournals", create: true, now: edits{"metadata.name": "other"}, refused: "<nil>: a namespace has one journal"},
	{plural: "stockjournals", now: edits{"status.epoch": int64(2)}},
	{plural: "orderclasses", create: true},
	{plural: "orderclasses", create: true, now: edits{"spec.pendingTimeout": "500ms"}, refused: "spec.pendingTimeout: pendingTimeout is a duration"},
	{plural: "orderclasses", create: true, now: edits{"spec.pendingTimeout": "169h"}, refused: "spec.pendingTimeout: pendingTimeout is a duration"},
	{plural: "orderclasses", create: true, now: edits{"spec.returnWindow": "-1s"}, refused: "spec.returnWindow: returnWindow is a duration"},
	{plural: "orderclasses", create: true, now: edits{"spec.retention": "-1s"}, refused: "spec.retention: retention is a duration"},
	// An order may bring its policy along. Go reads durations by units, from ns to h.
	{plural: "orders", create: true, now: edits{"spec.policy.pendingTimeout": "15 minutes"}, refused: "spec.policy.pendingTimeout: pendingTimeout is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.pendingTimeout": "1d"}, refused: "spec.policy.pendingTimeout: pendingTimeout is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.pendingTimeout": ""}, refused: "spec.policy.pendingTimeout: pendingTimeout is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.pendingTimeout": "500ms"}, refused: "spec.policy.pendingTimeout: pendingTimeout is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.pendingTimeout": "1h30m0.5s"}},
	{plural: "orders", create: true, now: edits{"spec.policy.returnWindow": "30 days"}, refused: "spec.policy.returnWindow: returnWindow is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.returnWindow": "-1s"}, refused: "spec.policy.returnWindow: returnWindow is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.retention": "P1D"}, refused: "spec.policy.retention: retention is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.retention": "9999999h"}, refused: "spec.policy.retention: retention is a duration"},
	{plural: "orders", create: true, now: edits{"spec.policy.retention": "876000h"}},
	{plural: "orderclasses", create: true, now: edits{"spec.pendingTimeout": "15 minutes"}, refused: "spec.pendingTimeout: pendingTimeout is a duration"},
}

// Every rule in a CRD refuses what it is for, on the field that it is about, and
// nothing else: judged by the API server's own code.
func TestRules(t *testing.T) {
	judges, fired := map[string]judge{}, map[string]bool{}
	for _, w := range wishes {
		if _, ok := judges[w.plural]; !ok {
			judges[w.plural] = newJudge(t, w.plural)
		}
		var old object
		if !w.create {
			old = w.old.of(good(w.plural))
		}
		now := w.now.of(w.old.of(good(w.plural)))
		var said []string
		for _, err := range judges[w.plural].of(t, now, old) {
			said = append(said, fmt.Sprintf("%s: %s", err.Field, err.Detail))
			fired[err.Detail] = true
		}
		about := fmt.Sprintf("%s, create %t, %v after %v", w.plural, w.create, w.now, w.old)
		if w.refused == "" && len(said) > 0 {
			t.Errorf("%s: refused: %q", about, said)
		}
		if w.refused != "" && !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, w.refused) }) {
			t.Errorf("%s:\n not refused with %q\n but with %q", about, w.refused, said)
		}
	}
	for plural, j := range judges {
		for _, message := range messages(j.schema) {
			if !fired[message] && message != ruleOfTimes {
				t.Errorf("%s: no wish breaks the rule %q", plural, message)
			}
		}
	}
}

// ruleOfTimes is the message of the rule that hack/patterns gives to every time. The test of
// internal/kube/cachedclient that writes 29,000 values breaks it in each of them.
const ruleOfTimes = "a time is a text such as 2026-03-01T12:00:00Z"

// messages are those of all rules of a schema.
func messages(s *schema.Structural) (all []string) {
	for _, rule := range s.XValidations {
		all = append(all, rule.Message)
	}
	for _, property := range s.Properties {
		all = append(all, messages(&property)...)
	}
	if s.Items != nil {
		all = append(all, messages(s.Items)...)
	}
	return all
}

// What the rules cost the API server for the writes that every order needs.
func BenchmarkRules(b *testing.B) {
	for _, plural := range []string{"orders", "stockreservations"} {
		j := newJudge(b, plural)
		now := good(plural)
		for name, old := range map[string]object{"create": nil, "status": good(plural)} {
			b.Run(plural+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if errs := j.of(b, now, old); len(errs) > 0 {
						b.Fatal(errs)
					}
				}
			})
		}
	}
}
