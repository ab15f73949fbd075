package rest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// orderWith is the body of a create in which the first old text is another one.
func orderWith(replaced, by string) string {
	body := strings.NewReplacer("\n", "", "\t", "").Replace(orderBody("cust-1"))
	if !strings.Contains(body, replaced) {
		panic("nothing to replace: " + replaced)
	}
	return strings.Replace(body, replaced, by, 1)
}

// send sends a request with every header as given, also twice.
func (g *gateway) send(method, path, body string, header ...string) answer {
	g.t.Helper()
	r, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	must(g.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return g.roundTrip(r)
}

func (g *gateway) roundTrip(r *http.Request) answer {
	g.t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	must(g.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	must(g.t, err)
	a := answer{status: response.StatusCode, header: response.Header, raw: string(raw)}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	_ = decoder.Decode(&a.body)
	return a
}

func TestBodiesThatTwoParsersReadDifferentlyAreRefused(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	bearer := "Bearer " + g.token("cust-1")
	for name, tc := range map[string]struct{ body, field, says string }{
		"two values":                     {orderBody("cust-1") + orderBody("cust-2"), "body", "nothing after it"},
		"something after it":             {orderBody("cust-1") + "x", "body", "nothing after it"},
		"BOM":                            {"\ufeff" + orderBody("cust-1"), "body", "byte order mark"},
		"blanks alone":                   {"  \n", "body", "empty"},
		"cut off":                        {orderBody("cust-1")[:60], "body", "too early"},
		"quantity twice":                 {orderWith(`"quantity":2`, `"quantity":9,"quantity":2`), "items[0].quantity", "twice"},
		"quantity twice, escaped":        {orderWith(`"quantity":2`, `"\u0071uantity":9,"quantity":2`), "items[0].quantity", "twice"},
		"quantity in capitals too":       {orderWith(`"quantity":1`, `"quantity":1,"QUANTITY":1`), "items[1].QUANTITY", "twice"},
		"currency in capitals too":       {orderWith(`"customerId"`, `"currency":"EUR","CURRENCY":"zz","customerId"`), "CURRENCY", "twice"},
		"customerId twice":               {orderWith(`"customerId"`, `"customerId":"cust-2","customerId"`), "customerId", "twice"},
		"items twice":                    {orderWith(`"shippingAddress"`, `"items":[],"shippingAddress"`), "items", "twice"},
		"city twice":                     {orderWith(`"city":`, `"city":"X","city":`), "shippingAddress.city", "twice"},
		"an unknown member twice":        {orderWith(`"customerId"`, `"x":1,"x":1,"customerId"`), "x", "twice"},
		"not UTF-8":                      {orderWith(`"city":"`, "\"city\":\"\xff"), "shippingAddress.city", "UTF-8"},
		"Latin-1":                        {orderWith(`"city":"`, "\"city\":\"M\xfcnchen"), "shippingAddress.city", "UTF-8"},
		"half a character":               {orderWith(`"city":"`, `"city":"\ud800`), "shippingAddress.city", "UTF-8"},
		"the other half":                 {orderWith(`"city":"`, `"city":"\udfff`), "shippingAddress.city", "UTF-8"},
		"halves in the wrong order":      {orderWith(`"city":"`, `"city":"\ude00\ud83d`), "shippingAddress.city", "UTF-8"},
		"deep":                           {orderWith(`"customerId"`, `"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`,"customerId"`), "body", "nested"},
		"deep, never closed":             {strings.Repeat(`{"items":[`, 50_000), "body", "nested"},
		"single quotes":                  {"{'customerId':'cust-1'}", "body", "JSON"},
		"NaN":                            {orderWith(`"quantity":2`, `"quantity":NaN`), "items[0].quantity", "JSON"},
		"leading zero":                   {orderWith(`"quantity":2`, `"quantity":02`), "items[0]", "JSON"},
		"plus":                           {orderWith(`"quantity":2`, `"quantity":+2`), "items[0].quantity", "JSON"},
		"hexadecimal":                    {orderWith(`"quantity":2`, `"quantity":0x2`), "items[0]", "JSON"},
		"line break in a text":           {orderWith(`"city":"`, "\"city\":\"\n"), "shippingAddress.city", "JSON"},
		"UTF-16":                         {"\xff\xfe{\x00}\x00", "body", ""},
		"NUL after it":                   {orderBody("cust-1") + "\x00", "body", "nothing after it"},
		"comment":                        {"/**/" + orderBody("cust-1"), "body", "JSON"},
		"quantity 1e400":                 {orderWith(`"quantity":2`, `"quantity":1e400`), "items[0].quantity", ""},
		"quantity -0":                    {orderWith(`"quantity":2`, `"quantity":-0`), "items[0].quantity", ""},
		"quantity 1.5":                   {orderWith(`"quantity":2`, `"quantity":1.5`), "items[0].quantity", ""},
		"quantity 2.0000000000000000001": {orderWith(`"quantity":2`, `"quantity":2.0000000000000000001`), "items[0].quantity", ""},
		"quantity 1e-400":                {orderWith(`"quantity":2`, `"quantity":1e-400`), "items[0].quantity", ""},
		"quantity a text":                {orderWith(`"quantity":2`, `"quantity":"2"`), "items[0].quantity", ""},
		"quantity true":                  {orderWith(`"quantity":2`, `"quantity":true`), "items[0].quantity", ""},
		"quantity without end":           {orderWith(`"quantity":2`, `"quantity":`+strings.Repeat("9", 5000)), "items[0].quantity", ""},
		"unitPrice 1e400":                {orderWith(`"unitPrice":19.99`, `"unitPrice":1e400`), "items[0].unitPrice", ""},
		"unitPrice -1e-400":              {orderWith(`"unitPrice":19.99`, `"unitPrice":-1e-400`), "items[0].unitPrice", ""},
		"unitPrice 1e999999999":          {orderWith(`"unitPrice":19.99`, `"unitPrice":1e999999999`), "items[0].unitPrice", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := g.send(http.MethodPost, "/api/orders", tc.body,
				"Authorization", bearer, "Content-Type", "application/json", "Idempotency-Key", uuid.NewString())
			a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
			if got := a.text("error.fieldErrors.0.field"); got != tc.field {
				t.Errorf("field %q, want %q: %.300s", got, tc.field, a.raw)
			}
			if got := a.text("error.fieldErrors.0.message"); !strings.Contains(got, tc.says) {
				t.Errorf("message %q, want one that says %q", got, tc.says)
			}
			if len(a.raw) > 2000 {
				t.Errorf("the answer has %d bytes", len(a.raw))
			}
		})
	}
}

func TestEveryBodyIsReadStrictly(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	for path, body := range map[string]string{
		"DELETE /api/orders/" + id:                  `{"reason":"PAYMENT_FAILED","reason":"CUSTOMER_REQUEST"}`,
		"POST /api/orders/" + id + "/fulfill":       `{"carrier":"a","carrier":"b"}`,
		"POST /api/orders/" + id + "/return":        `{"reason":"a","Reason":"b"}`,
		"PUT /api/orders/" + id + "/return/approve": `{"restock":true,"restock":false}`,
		"PUT /api/orders/" + id + "/return/reject":  `{"reason":"a"}{"reason":"b"}`,
		"PUT /api/inventory/prod-001/stock":         "{\"delta\":1,\"reason\":\"\xff\"}",
		"POST /api/orders":                          orderBody("ops-1") + "[]",
	} {
		method, path, _ := strings.Cut(path, " ")
		a := g.send(method, path, body, "Authorization", "Bearer "+g.ops(), "Content-Type", "application/json", "Idempotency-Key", uuid.NewString())
		if a.status != http.StatusBadRequest {
			t.Errorf("%s %s: %d %s", method, path, a.status, a.raw)
		}
	}
}

func TestHeadersThatTwoParsersReadDifferentlyAreRefused(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	good := "Bearer " + g.token("cust-1")
	other := "Bearer " + g.token("cust-2")
	key := uuid.NewString()
	for name, tc := range map[string]struct {
		header []string
		status int
		field  string
	}{
		"two tokens":               {[]string{"Authorization", good, "Authorization", other, "Content-Type", "application/json", "Idempotency-Key", key}, 400, "Authorization"},
		"the same token twice":     {[]string{"Authorization", good, "Authorization", good, "Content-Type", "application/json", "Idempotency-Key", key}, 400, "Authorization"},
		"a password and a token":   {[]string{"Authorization", "Basic YTpi", "Authorization", good, "Content-Type", "application/json", "Idempotency-Key", key}, 400, "Authorization"},
		"two tokens in one header": {[]string{"Authorization", good + ", " + other, "Content-Type", "application/json", "Idempotency-Key", key}, 401, ""},
		"token without scheme":     {[]string{"Authorization", strings.TrimPrefix(good, "Bearer "), "Content-Type", "application/json", "Idempotency-Key", key}, 401, ""},
		"token in a cookie":        {[]string{"Cookie", "access_token=" + strings.TrimPrefix(good, "Bearer "), "Content-Type", "application/json", "Idempotency-Key", key}, 401, ""},
		"two keys":                 {[]string{"Authorization", good, "Content-Type", "application/json", "Idempotency-Key", key, "Idempotency-Key", uuid.NewString()}, 400, "Idempotency-Key"},
		"two types":                {[]string{"Authorization", good, "Content-Type", "application/json", "Content-Type", "text/plain", "Idempotency-Key", key}, 400, "Content-Type"},
		"gzip":                     {[]string{"Authorization", good, "Content-Type", "application/json", "Content-Encoding", "gzip", "Idempotency-Key", key}, 415, ""},
		"identity and gzip":        {[]string{"Authorization", good, "Content-Type", "application/json", "Content-Encoding", "identity, br", "Idempotency-Key", key}, 415, ""},
		"two encodings":            {[]string{"Authorization", good, "Content-Type", "application/json", "Content-Encoding", "identity", "Content-Encoding", "deflate", "Idempotency-Key", key}, 415, ""},
		"another character set":    {[]string{"Authorization", good, "Content-Type", "application/json; charset=iso-8859-1", "Idempotency-Key", key}, 415, ""},
		"UTF-16":                   {[]string{"Authorization", good, "Content-Type", "application/json; charset=utf-16", "Idempotency-Key", key}, 415, ""},
		"no type":                  {[]string{"Authorization", good, "Idempotency-Key", key}, 415, ""},
		"another type":             {[]string{"Authorization", good, "Content-Type", "text/json", "Idempotency-Key", key}, 415, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := g.send(http.MethodPost, "/api/orders", orderBody("cust-1"), tc.header...)
			if a.status != tc.status || a.text("error.fieldErrors.0.field") != tc.field {
				t.Errorf("answer = %d %s, want %d about %q", a.status, a.raw, tc.status, tc.field)
			}
		})
	}
	token := g.token("cust-1")
	if a := g.send(http.MethodGet, "/api/orders?access_token="+token, ""); a.status != http.StatusUnauthorized {
		t.Errorf("token in the query: %d", a.status)
	}
	for _, fine := range []string{"bearer " + token, "BEARER " + token, "Bearer   " + token, "Bearer " + token + " "} {
		if a := g.send(http.MethodGet, "/api/orders", "", "Authorization", fine); a.status != http.StatusOK {
			t.Errorf("%.10s: %d %s", fine, a.status, a.raw)
		}
	}
	for _, fine := range []string{"application/json; charset=utf-8", `Application/JSON;charset="UTF-8"`} {
		a := g.send(http.MethodPost, "/api/orders", orderBody("cust-1"), "Authorization", good, "Content-Type", fine, "Content-Encoding", "identity", "Idempotency-Key", uuid.NewString())
		if a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", fine, a.status, a.raw)
		}
	}
}

func TestIfMatchOnTwoLinesIsOneList(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	id := g.create("cust-1")
	bearer := "Bearer " + g.token("cust-1")
	tag := g.send(http.MethodGet, "/api/orders/"+id, "", "Authorization", bearer).header.Get("ETag")
	a := g.send(http.MethodDelete, "/api/orders/"+id, "", "Authorization", bearer, "If-Match", `"other"`, "If-Match", `"another"`)
	a.wants(t, http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	a = g.send(http.MethodDelete, "/api/orders/"+id, "", "Authorization", bearer, "If-Match", `"other"`, "If-Match", tag)
	if a.status != http.StatusOK && a.status != http.StatusAccepted {
		t.Errorf("the right tag on the second line: %d %s", a.status, a.raw)
	}
}

func TestATraceThatIsGivenTwiceIsMadeAnew(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, header := range map[string][]string{
		"X-Trace-Id":  {"X-Trace-Id", "mine", "X-Trace-Id", "yours"},
		"traceparent": {"traceparent", parent, "traceparent", strings.Replace(parent, "0af7", "0bf7", 1)},
	} {
		got := g.send(http.MethodGet, "/v3/api-docs", "", header...).header.Values("X-Trace-Id")
		if len(got) != 1 || len(got[0]) != 32 || strings.HasPrefix(got[0], "0af7") {
			t.Errorf("%s twice became %q", name, got)
		}
	}
}

func TestNullIsAbsentWhereAMemberIsOptional(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	bearer := "Bearer " + g.token("cust-1")
	post := func(body string) answer {
		return g.send(http.MethodPost, "/api/orders", body, "Authorization", bearer, "Content-Type", "application/json", "Idempotency-Key", uuid.NewString())
	}
	for _, body := range []string{
		orderWith(`"customerId"`, `"currency":null,"customerId"`),
		orderWith(`"customerId"`, `"contact":null,"customerId"`),
		orderWith(`"customerId"`, `"contact":{"email":null,"phone":null},"customerId"`),
		orderWith(`"customerId"`, `"contact":{"email":"a@example.com","phone":null},"currency":null,"customerId"`),
	} {
		if a := post(body); a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", body, a.status, a.raw)
		}
	}
	key := uuid.NewString()
	for _, body := range []string{orderBody("cust-1"), orderWith(`"customerId"`, `"contact":null,"customerId"`)} {
		a := g.send(http.MethodPost, "/api/orders", body, "Authorization", bearer, "Content-Type", "application/json", "Idempotency-Key", key)
		if a.status != http.StatusCreated {
			t.Errorf("the same request with null for absent: %d %s", a.status, a.raw)
		}
	}
	for body, field := range map[string]string{
		orderWith(`"customerId"`, `"contact":{"telex":null},"customerId"`): "contact.telex",
		orderWith(`"customerId"`, `"note":null,"customerId"`):              "note",
		orderWith(`"quantity":2`, `"quantity":null`):                       "items[0].quantity",
		orderWith(`"unitPrice":19.99`, `"unitPrice":null`):                 "items[0].unitPrice",
		`null`: "body",
	} {
		a := post(body)
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if got := a.text("error.fieldErrors.0.field"); got != field {
			t.Errorf("%s: field %q", body, got)
		}
	}
	id := g.create("cust-1")
	a := g.send(http.MethodDelete, "/api/orders/"+id, `{"reason":null}`, "Authorization", bearer, "Content-Type", "application/json")
	if a.status != http.StatusAccepted && a.status != http.StatusOK {
		t.Errorf("cancel with reason null: %d %s", a.status, a.raw)
	}
}

func TestAnEmptyBodyOfUnknownLengthIsNone(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	chunked := func(method, path, body string, header ...string) answer {
		r, err := http.NewRequest(method, g.url+path, struct{ io.Reader }{strings.NewReader(body)})
		must(t, err)
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"} // said, so that the client does not look first
		r.Header.Set("Authorization", "Bearer "+g.token("cust-1"))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return g.roundTrip(r)
	}
	for _, header := range [][]string{nil, {"Content-Type", "application/json"}, {"Content-Type", "text/plain"}} {
		a := chunked(http.MethodDelete, "/api/orders/"+g.create("cust-1"), "", header...)
		if a.status != http.StatusAccepted && a.status != http.StatusOK {
			t.Errorf("cancel, %v: %d %s", header, a.status, a.raw)
		}
	}
	chunked(http.MethodPost, "/api/orders", "", "Idempotency-Key", uuid.NewString()).wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	chunked(http.MethodPost, "/api/orders", "x", "Idempotency-Key", uuid.NewString()).wants(t, http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE")
}

func TestNumbersAreReadFromTheirDigits(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for _, literal := range []string{"2", "2.0", "2e0", "20e-1", "0.2e1"} {
		a := g.send(http.MethodPost, "/api/orders", orderWith(`"quantity":2`, `"quantity":`+literal), "Authorization", "Bearer "+g.token("cust-1"),
			"Content-Type", "application/json", "Idempotency-Key", uuid.NewString())
		if a.status != http.StatusCreated || a.text("items.0.quantity") != "2" {
			t.Errorf("quantity %s: %d %s", literal, a.status, a.raw)
		}
	}
}
