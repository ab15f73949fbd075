package inbound

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		want  request
		// wrong is what the error must say.
		wrong string
	}{
		"the contract's envelope": {
			value: `{"eventId":"1","eventType":"order.cancel.requested","eventVersion":1,"occurredAt":"2026-11-23T12:00:00Z","traceId":"t","payload":{"orderId":"o-1","reason":"PAYMENT_FAILED","failedProducts":[]}}`,
			want:  request{"o-1", v1alpha1.CancelPaymentFailed, "t"},
		},
		"no more than is needed":   {value: `{"payload":{"orderId":"o-1","reason":"CUSTOMER_REQUEST"}}`, want: request{"o-1", v1alpha1.CancelCustomerRequest, ""}},
		"fields of somebody else":  {value: `{"shop":7,"payload":{"orderId":"o-1","reason":"SLA_TIMEOUT","note":{}}}`, want: request{"o-1", v1alpha1.CancelSLATimeout, ""}},
		"nothing":                  {value: ``, wrong: "no JSON"},
		"no JSON":                  {value: `cancel o-1`, wrong: "no JSON"},
		"two values":               {value: `{} {}`, wrong: "no JSON"},
		"a field twice":            {value: `{"payload":{"orderId":"o-1","orderId":"o-2","reason":"CUSTOMER_REQUEST"}}`, wrong: "payload.orderId must not stand there twice"},
		"a field in two spellings": {value: `{"payload":{"orderId":"o-1","orderid":"o-2","reason":"CUSTOMER_REQUEST"}}`, wrong: "twice"},
		"no object":                {value: `"cancel"`, wrong: "must be an object"},
		"a number for an id":       {value: `{"payload":{"orderId":1,"reason":"CUSTOMER_REQUEST"}}`, wrong: "payload.orderId must not be a number"},
		"another event":            {value: `{"eventType":"order.created","payload":{"orderId":"o-1","reason":"CUSTOMER_REQUEST"}}`, wrong: `eventType is "order.created"`},
		"a later version":          {value: `{"eventVersion":2,"payload":{"orderId":"o-1","reason":"CUSTOMER_REQUEST"}}`, wrong: "eventVersion is 2"},
		"no payload":               {value: `{"orderId":"o-1","reason":"CUSTOMER_REQUEST"}`, wrong: "payload is missing"},
		"no order":                 {value: `{"payload":{"reason":"CUSTOMER_REQUEST"}}`, wrong: "payload.orderId is missing"},
		"an id that is a path":     {value: `{"payload":{"orderId":"../secrets","reason":"CUSTOMER_REQUEST"}}`, wrong: "is the id of no order"},
		"no reason":                {value: `{"payload":{"orderId":"o-1"}}`, wrong: `payload.reason is ""`},
		"an unknown reason":        {value: `{"payload":{"orderId":"o-1","reason":"BORED"}}`, wrong: `payload.reason is "BORED" and must be one of [CUSTOMER_REQUEST`},
	} {
		got, err := parse([]byte(c.value))
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", name, err, c.wrong)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}
