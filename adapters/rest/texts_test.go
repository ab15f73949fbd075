package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// controls are characters that no text of one line may have, as JSON writes them.
var controls = []string{`\u0000`, `\u0001`, `\b`, `\t`, `\n`, `\r`, `\r\n`, `\u001b[31m`, `\u007f`, `\u0080`, `\u0085`, `\u009f`, `\u2028`}

func TestTextsWithControlsAreRefusedWithTheirField(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	for _, tc := range []struct{ method, path, body, field string }{
		{"POST", "/api/orders", orderWith(`"city":"`, `"city":"a%sb`), "shippingAddress.city"},
		{"POST", "/api/orders", orderWith(`"street":"`, `"street":"a%sb`), "shippingAddress.street"},
		{"POST", "/api/orders", orderWith(`"country":"`, `"country":"a%sb`), "shippingAddress.country"},
		{"POST", "/api/orders", orderWith(`"zip":"`, `"zip":"a%sb`), "shippingAddress.zip"},
		{"POST", "/api/orders", orderWith(`"customerId"`, `"contact":{"email":"a%s@example.com"},"customerId"`), "contact.email"},
		{"POST", "/api/orders", orderWith(`"customerId"`, `"contact":{"phone":"+49%s1"},"customerId"`), "contact.phone"},
		{"POST", "/api/orders", orderWith(`"customerId":"cust-1"`, `"customerId":"cust-1%s"`), "customerId"},
		{"POST", "/api/orders", orderWith(`"productId":"prod-001"`, `"productId":"prod-001%s"`), "items[0].productId"},
		{"POST", "/api/orders/" + id + "/fulfill", `{"carrier":"a%sb"}`, "carrier"},
		{"POST", "/api/orders/" + id + "/fulfill", `{"trackingNumber":"a%sb"}`, "trackingNumber"},
		{"POST", "/api/orders/" + id + "/return", `{"reason":"a%sb"}`, "reason"},
		{"PUT", "/api/orders/" + id + "/return/approve", `{"reason":"a%sb"}`, "reason"},
		{"PUT", "/api/orders/" + id + "/return/reject", `{"reason":"a%sb"}`, "reason"},
		{"PUT", "/api/inventory/prod-001/stock", `{"delta":1,"reason":"a%sb"}`, "reason"},
	} {
		for _, control := range controls {
			body := strings.Replace(tc.body, "%s", control, 1)
			a := g.send(tc.method, tc.path, body, "Authorization", "Bearer "+g.ops(), "Content-Type", "application/json", "Idempotency-Key", uuid.NewString())
			if got := a.text("error.fieldErrors.0.field"); a.status != http.StatusBadRequest || got != tc.field {
				t.Errorf("%s %s %s: %d, field %q: %.200s", tc.method, tc.path, control, a.status, got, a.raw)
			}
			if got := a.text("error.fieldErrors.0.message"); strings.Contains(got, "match") {
				t.Errorf("%s %s: the answer speaks in patterns: %s", tc.method, tc.path, got)
			}
		}
	}
}

func TestContactsAreOneAddressAndOneNumber(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	post := func(member, value string) answer {
		body := orderWith(`"customerId"`, fmt.Sprintf(`"contact":{%q:%q},"customerId"`, member, value))
		return g.send(http.MethodPost, "/api/orders", body, "Authorization", "Bearer "+g.token("cust-1"), "Content-Type", "application/json", "Idempotency-Key", uuid.NewString())
	}
	for member, bad := range map[string][]string{
		"email": {
			"nobody", "@", "a@", "@b", "a@b@c", "a@example.com,b@example.com", "a@example.com; b@example.com", "a@example.com b@example.com",
			"Jane <a@example.com>", "<a@example.com>", "a@example.com\r\nBcc: b@example.com", "a b@example.com", " a@example.com", "a@example.com ",
			"a@exa mple.com", "a@.com", "a@example..com", "mailto:a@example.com?cc=b@example.com", "a@example.com\u200b", "a@[127.0.0.1]", `"a"@example.com`,
		},
		"phone":    {"0171", "49171", "+0171", "+49 171", "+49-171", "tel:+49171", "+49171;ext=1", "+1234567890123456", "+", "+49171,+49172", "+٤٩١"},
		"language": {"d", "deutsch", "de_DE", "de-", "-de", "de DE", "de\r\nBcc: b@example.com", "../de", "12", "de-123456789"},
	} {
		for _, value := range bad {
			a := post(member, value)
			if got := a.text("error.fieldErrors.0.field"); a.status != http.StatusBadRequest || got != "contact."+member {
				t.Errorf("%q: %d, field %q: %.200s", value, a.status, got, a.raw)
			}
		}
	}
	for member, good := range map[string][]string{
		"email":    {"a@example.com", "o'neill+shop@mail.example.co.uk", "a.b_c-d@example.com", "root@localhost", "user%x@example.com"},
		"phone":    {"+491711234567", "+12025550123"},
		"language": {"de", "pt-BR", "zh-Hant-TW", "ast", ""},
	} {
		for _, value := range good {
			if a := post(member, value); a.status != http.StatusCreated {
				t.Errorf("%q: %d %.200s", value, a.status, a.raw)
			}
		}
	}
}
