package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestCreateWritesOneOrderWithEverythingItNeeds(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	a := g.do(request{
		method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: orderBody("cust-1"),
		header: []string{"Idempotency-Key", `"` + uuid.NewString() + `"`, "traceparent", parent},
	})
	if a.status != http.StatusCreated {
		t.Fatalf("answer = %d %s", a.status, a.raw)
	}
	for path, want := range map[string]string{
		"status": "PENDING", "totalAmount": "59.97", "currency": "USD", "customerId": "cust-1",
		"items.0.productId": "prod-001", "items.0.quantity": "2", "items.0.unitPrice": "19.99",
		"shippingAddress.street": "1 Main St", "shippingAddress.zip": "12345",
	} {
		if got := a.text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	id := a.text("orderId")
	if got, want := a.header.Get("Location"), "/api/orders/"+id; got != want {
		t.Errorf("Location = %q, want %q", got, want)
	}
	if got, want := a.header.Get("X-Trace-Id"), parent[3:35]; got != want {
		t.Errorf("X-Trace-Id = %q, want the trace id of traceparent, %q", got, want)
	}

	order := g.order(id)
	want := v1alpha1.OrderSpec{
		CustomerID: "cust-1", Currency: order.Spec.Currency,
		Items: []v1alpha1.OrderItem{
			{ProductID: "prod-001", Quantity: 2, UnitPrice: "19.99"}, {ProductID: "prod-002", Quantity: 1, UnitPrice: "19.99"},
		},
		ShippingAddress: v1alpha1.Address{Street: "1 Main St", City: "Springfield", Country: "US", Zip: "12345"},
	}
	if diff := cmp.Diff(want, order.Spec); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{v1alpha1.OrderFinalizer}, order.Finalizers); diff != "" {
		t.Error("finalizers:", diff)
	}
	// The order goes on with the span of the gateway.
	if got := order.Annotations[v1alpha1.TraceParentAnnotation]; len(got) != len(parent) || got[:36] != parent[:36] || got[36:52] == parent[36:52] {
		t.Errorf("traceparent annotation = %q, want another span of the trace of %q", got, parent)
	}

	read := g.do(request{path: "/api/orders/" + id, token: g.token("cust-1")})
	if read.status != http.StatusOK || read.text("events.0.type") != "order.created" || read.header.Get("ETag") == "" {
		t.Errorf("read = %d %s, ETag %q", read.status, read.raw, read.header.Get("ETag"))
	}
}

func TestTheSameKeyGetsTheFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	key := uuid.NewString()
	post := func(body, key string) answer {
		return g.do(request{
			method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: body,
			header: []string{"Idempotency-Key", key},
		})
	}
	first := post(orderBody("cust-1"), key)
	g.setStatus(first.text("orderId"), func(o *v1alpha1.Order) {
		phase(v1alpha1.OrderConfirmed)(o)
		o.Status.TotalAmount, o.Status.Currency = "59.97", "USD"
	})
	// Other blanks, quotes around the key, 19.990 for 19.99: still the same request.
	again := post(strings.ReplaceAll(orderBody("cust-1"), "19.99", "19.990"), `"`+strings.ToUpper(key)+`"`)
	if again.status != http.StatusCreated || again.raw != first.raw {
		t.Errorf("the first answer was %s, the second %d %s", first.raw, again.status, again.raw)
	}
	if again.header.Get("Idempotent-Replayed") != "true" || first.header.Get("Idempotent-Replayed") != "" {
		t.Error("Idempotent-Replayed is wrong")
	}
	post(strings.Replace(orderBody("cust-1"), `"quantity":2`, `"quantity":3`, 1), key).
		wants(t, http.StatusConflict, "DUPLICATE_ORDER")
	if other := post(orderBody("cust-1"), uuid.NewString()); other.text("orderId") == first.text("orderId") {
		t.Error("another key got the same order")
	}
}

func TestPricesBelowTheSmallestCoin(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	line := `{"productId":"p","quantity":3,"unitPrice":0.3350},`
	a := g.do(request{
		method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"),
		body: `{"customerId":"cust-1","items":[` + strings.TrimSuffix(strings.Repeat(line, 250), ",") +
			`],"shippingAddress":{"street":"s","city":"c","country":"US","zip":"1"}}`,
		header: []string{"Idempotency-Key", uuid.NewString()},
	})
	// Three times 0.335 is 1.005, which rounds to 1.01; that 250 times.
	if a.status != http.StatusCreated || !strings.Contains(a.raw, `"totalAmount":252.50`) || !strings.Contains(a.raw, `"unitPrice":0.335}`) {
		t.Errorf("answer = %d %.400s", a.status, a.raw)
	}
}

func TestOneKeyFiftyTimesAtOnceMakesOneOrder(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	key, tok := uuid.NewString(), g.token("cust-1")
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		answers = map[string]int{}
	)
	for range 50 {
		wg.Go(func() {
			a, err := g.try(request{
				method: http.MethodPost, path: "/api/orders", token: tok, body: orderBody("cust-1"),
				header: []string{"Idempotency-Key", key},
			})
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprint(a.status, a.raw, err)]++
		})
	}
	wg.Wait()
	if len(answers) != 1 {
		t.Errorf("answers differ: %v", answers)
	}
	var orders v1alpha1.OrderList
	must(t, env.Client.List(t.Context(), &orders, client.InNamespace(g.namespace)))
	if len(orders.Items) != 1 {
		t.Errorf("%d orders were made", len(orders.Items))
	}
}

// Whoever a token may name can order, and where it goes is kept letter for letter:
// no blank is trimmed, no letter composed otherwise.
func TestOrdersOfAnySubjectToAnyAddress(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for _, subject := range []string{
		"auth0|5f7c8ec7c33c6c004bbafe82", "o'neill@example.com", "uid=x,ou=people,dc=example", "CgNib2I=/+==", `a\b"c`, strings.Repeat("s", 255),
	} {
		address := v1alpha1.Address{
			Name: " Zoe\u0308 O'Neill ", Company: "Łódź & Söhne", Street: "1 Main  St", Street2: "c/o 東京", City: "Dublin", State: "Leinster ", Country: "IE",
		}
		body, err := json.Marshal(map[string]any{
			"customerId": subject, "shippingAddress": address,
			"items": []any{map[string]any{"productId": "x.v2", "quantity": 1, "unitPrice": 1}},
		})
		must(t, err)
		a := g.do(request{
			method: http.MethodPost, path: "/api/orders", token: g.token(subject), body: string(body),
			header: []string{"Idempotency-Key", uuid.NewString()},
		})
		if a.status != http.StatusCreated {
			t.Errorf("%.40s: %d %s", subject, a.status, a.raw)
			continue
		}
		stored := g.order(a.text("orderId"))
		if stored.Spec.CustomerID != subject || stored.Spec.ShippingAddress != address {
			t.Errorf("stored %q, %+v", stored.Spec.CustomerID, stored.Spec.ShippingAddress)
		}
		told := v1alpha1.Address{}
		for path, field := range map[string]*string{
			"name": &told.Name, "company": &told.Company, "street": &told.Street, "street2": &told.Street2,
			"city": &told.City, "state": &told.State, "country": &told.Country, "zip": &told.Zip,
		} {
			*field = a.text("shippingAddress." + path)
		}
		if told != address {
			t.Errorf("told %+v", told)
		}
	}
}

func TestBadOrdersAreRefusedByFieldName(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	lines := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"productId":"p","quantity":1,"unitPrice":1},`, n), ",") + "]"
	}
	body := func(items string, more string) string {
		return `{"customerId":"cust-1","items":` + items + more +
			`,"shippingAddress":{"street":"s","city":"c","country":"US","zip":"1"}}`
	}
	item := func(quantity, unitPrice string) string {
		return `[{"productId":"p","quantity":1,"unitPrice":1},{"productId":"p","quantity":` + quantity + `,"unitPrice":` + unitPrice + `}]`
	}
	for name, tc := range map[string]struct{ body, field string }{
		"10,000 lines":                 {body(lines(10000), ""), "items"},
		"251 lines":                    {body(lines(251), ""), "items"},
		"no items":                     {body("[]", ""), "items"},
		"items missing":                {`{"customerId":"cust-1","shippingAddress":{"street":"s","city":"c","country":"US","zip":"1"}}`, "items"},
		"quantity 0":                   {body(item("0", "1"), ""), "items[1].quantity"},
		"quantity 2^63":                {body(item("9223372036854775808", "1"), ""), "items[1].quantity"},
		"quantity 1.5":                 {body(item("1.5", "1"), ""), "items[1].quantity"},
		"quantity almost whole":        {body(item("1.00000000000000000001", "1"), ""), "items[1].quantity"},
		"quantity as text":             {body(item(`"1"`, "1"), ""), "items[1].quantity"},
		"price -1":                     {body(item("1", "-1"), ""), "items[1].unitPrice"},
		"price below zero by a hair":   {body(item("1", "-1e-400"), ""), "items[1].unitPrice"},
		"price abc":                    {body(item("1", `"abc"`), ""), "items[1].unitPrice"},
		"price null":                   {body(item("1", "null"), ""), "items[1].unitPrice"},
		"price 1e400":                  {body(item("1", "1e400"), ""), "items[1].unitPrice"},
		"price with too many decimals": {body(item("1", "1.0000001"), `,"currency":"USD"`), "items[1].unitPrice"},
		"yen with five decimals":       {body(item("1", "1.50001"), `,"currency":"JPY"`), "items[1].unitPrice"},
		"a hair too many decimals":     {body(item("1", "1.000000000000000000000000001"), `,"currency":"USD"`), "items[1].unitPrice"},
		"decimals, default currency":   {body(item("1", "1.0000001"), ""), "items"},
		"unknown field":                {body(lines(1), `,"colour":"red"`), "colour"},
		"unknown field in a line":      {body(`[{"productId":"p","quantity":1,"unitPrice":1,"x":1}]`, ""), "items[0].x"},
		"field in another case":        {body(lines(1), `,"CURRENCY":"EUR"`), "CURRENCY"},
		"unknown currency":             {body(lines(1), `,"currency":"XYZ"`), "currency"},
		"bad product":                  {body(`[{"productId":"P 1","quantity":1,"unitPrice":1}]`, ""), "items[0].productId"},
		"long street":                  {strings.Replace(body(lines(1), ""), `"s"`, `"`+strings.Repeat("s", 201)+`"`, 1), "shippingAddress.street"},
		"an empty zip":                 {strings.Replace(body(lines(1), ""), `"zip":"1"`, `"zip":""`, 1), "shippingAddress.zip"},
		"a city of two lines":          {strings.Replace(body(lines(1), ""), `"c"`, `"c\nd"`, 1), "shippingAddress.city"},
		"two addresses":                {body(lines(1), `,"contact":{"email":"x@y,z@w"}`), "contact.email"},
		"bad phone":                    {body(lines(1), `,"contact":{"phone":"call me"}`), "contact.phone"},
		"not JSON":                     {`{"customerId":`, "body"},
		"a list":                       {`[]`, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			a := g.do(request{
				method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: tc.body,
				header: []string{"Idempotency-Key", uuid.NewString()},
			})
			a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
			if got := a.text("error.fieldErrors.0.field"); got != tc.field {
				t.Errorf("field = %q, want %q: %s", got, tc.field, a.raw)
			}
			if a.text("error.fieldErrors.0.message") == "" {
				t.Errorf("the field error says nothing: %s", a.raw)
			}
		})
	}
	for name, key := range map[string]string{"no key": "", "no UUID": "abc"} {
		t.Run(name, func(t *testing.T) {
			r := request{method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: orderBody("cust-1")}
			if key != "" {
				r.header = []string{"Idempotency-Key", key}
			}
			a := g.do(r)
			a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
			if got := a.text("error.fieldErrors.0.field"); got != "Idempotency-Key" {
				t.Errorf("field = %q: %s", got, a.raw)
			}
		})
	}
}

func TestOthersOrdersAreNotThere(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	stranger := g.token("cust-2")
	for _, r := range []request{
		{path: "/api/orders/" + id},
		{path: "/api/orders/" + id + "/return"},
		{method: http.MethodDelete, path: "/api/orders/" + id},
		{method: http.MethodPost, path: "/api/orders/" + id + "/return", body: `{"reason":"x"}`},
		{path: "/api/orders/no-such-order"},
		{path: "/api/orders/No%20Name"},
	} {
		r.token = stranger
		g.do(r).wants(t, http.StatusNotFound, "NOT_FOUND")
	}
	g.do(request{
		method: http.MethodPost, path: "/api/orders", token: stranger, body: orderBody("cust-1"),
		header: []string{"Idempotency-Key", uuid.NewString()},
	}).wants(t, http.StatusForbidden, "FORBIDDEN")
	g.do(request{path: "/api/orders?customerId=cust-1", token: stranger}).wants(t, http.StatusForbidden, "FORBIDDEN")
	for _, r := range []request{
		{method: http.MethodPost, path: "/api/orders/" + id + "/fulfill"},
		{method: http.MethodPut, path: "/api/orders/" + id + "/return/approve"},
		{method: http.MethodPut, path: "/api/orders/" + id + "/return/reject", body: `{"reason":"x"}`},
		{method: http.MethodPut, path: "/api/inventory/prod-001/stock", body: `{"delta":1}`},
	} {
		r.token = g.token("cust-1")
		g.do(r).wants(t, http.StatusForbidden, "FORBIDDEN")
	}
	if a := g.do(request{path: "/api/orders/" + id, token: g.ops()}); a.status != http.StatusOK {
		t.Errorf("ops: %d %s", a.status, a.raw)
	}
}

func TestListIsPagedFilteredAndOwn(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ids := map[string]bool{}
	for range 5 {
		ids[g.create("cust-1")] = true
	}
	cancelled := g.create("cust-1")
	g.setStatus(cancelled, phase(v1alpha1.OrderCancelled))
	g.create("cust-2")

	list := func(tok, query string) answer { return g.do(request{path: "/api/orders" + query, token: tok}) }
	own := g.token("cust-1")
	g.eventually("the list has all orders", func() bool {
		return list(g.ops(), "").text("total") == "7" && list(own, "?status=CANCELLED").text("total") == "1"
	})
	if got := list(own, "").text("total"); got != "6" {
		t.Errorf("own orders = %s, want 6", got)
	}
	if got := list(g.ops(), "?customerId=cust-2").text("total"); got != "1" {
		t.Errorf("orders of cust-2 = %s, want 1", got)
	}
	if got := list(own, "?status=CANCELLED").text("orders.0.orderId"); got != cancelled {
		t.Errorf("cancelled = %s, want %s", got, cancelled)
	}
	seen := map[string]bool{}
	for page := range 3 {
		a := list(own, fmt.Sprintf("?status=PENDING&page=%d&pageSize=2", page))
		if a.text("total") != "5" || a.text("page") != fmt.Sprint(page) || a.text("pageSize") != "2" {
			t.Errorf("page %d: %s", page, a.raw)
		}
		for i := range 2 {
			if id := a.text(fmt.Sprintf("orders.%d.orderId", i)); id != "" {
				seen[id] = true
			}
		}
	}
	if diff := cmp.Diff(ids, seen); diff != "" {
		t.Error("the pages together:", diff)
	}
	if got := list(own, "?page=9").raw; !strings.Contains(got, `"orders":[]`) {
		t.Errorf("a page beyond the end = %s", got)
	}
	if got := list(own, "?to=2020-01-01T00:00:00Z").text("total"); got != "0" {
		t.Errorf("orders before 2020 = %s", got)
	}
	if got := list(own, "?from=2020-01-01T00:00:00Z").text("total"); got != "6" {
		t.Errorf("orders since 2020 = %s", got)
	}
	for query, field := range map[string]string{
		"?pageSize=101": "pageSize", "?pageSize=0": "pageSize", "?page=-1": "page", "?page=x": "page",
		"?status=LOST": "status", "?from=yesterday": "from",
	} {
		a := list(own, query)
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if got := a.text("error.fieldErrors.0.field"); got != field {
			t.Errorf("%s: field = %q: %s", query, got, a.raw)
		}
	}
}

func TestOrderTellsWhatHappened(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	at := metav1.Now()
	g.setStatus(id, func(o *v1alpha1.Order) {
		o.Status = v1alpha1.OrderStatus{
			Phase: v1alpha1.OrderCancelled, Currency: "USD", TotalAmount: "59.97",
			CancelledAt: &at, CancelledReason: v1alpha1.CancelInsufficientStock,
			Shortages: []v1alpha1.StockShortage{{ProductID: "prod-001", Requested: 2, Available: 1}},
			History: []v1alpha1.OrderHistoryEntry{
				{Seq: 1, Type: v1alpha1.HistoryCreated, At: o.CreationTimestamp},
				{Seq: 2, Type: v1alpha1.HistoryCancelRequested, At: at, Reason: "INSUFFICIENT_STOCK"},
				{Seq: 3, Type: v1alpha1.HistoryCancelled, At: at, Reason: "INSUFFICIENT_STOCK", Message: "prod-001 is short"},
			},
		}
		meta.SetStatusCondition(&o.Status.Conditions, metav1.Condition{
			Type: v1alpha1.OrderConditionConfirmed, Status: metav1.ConditionFalse, Reason: "InsufficientStock",
		})
	})
	var a answer
	g.eventually("the order shows as cancelled", func() bool {
		a = g.do(request{path: "/api/orders/" + id, token: g.token("cust-1")})
		return a.text("status") == "CANCELLED"
	})
	for path, want := range map[string]string{
		"cancelledReason": "INSUFFICIENT_STOCK", "shortages.0.productId": "prod-001", "shortages.0.requested": "2",
		"events.0.type": "order.created", "events.1.type": "order.cancel.requested", "events.2.type": "order.cancelled",
		"events.2.seq": "3", "events.2.message": "prod-001 is short", "totalAmount": "59.97",
	} {
		if got := a.text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}

func TestANewOrderIsFilledInFromItsClass(t *testing.T) {
	t.Parallel()
	class := &v1alpha1.OrderClass{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "rest-", Annotations: map[string]string{v1alpha1.OrderClassDefaultAnnotation: "true"},
		},
		Spec: v1alpha1.OrderClassSpec{
			Currency:    "KWD",
			OrderPolicy: v1alpha1.OrderPolicy{PendingTimeout: &metav1.Duration{Duration: time.Minute}},
		},
	}
	must(t, env.Client.Create(t.Context(), class))
	t.Cleanup(func() { must(t, env.Client.Delete(context.Background(), class)) })
	g := startGateway(t)
	g.mayReadClasses()
	post := func(body, key string) answer {
		return g.do(request{
			method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: body,
			header: []string{"Idempotency-Key", key},
		})
	}
	key := uuid.NewString()
	var a answer
	g.eventually("the gateway knows the class", func() bool {
		key = uuid.NewString()
		a = post(orderBody("cust-1"), key)
		return a.text("currency") == "KWD"
	})
	if a.text("totalAmount") != "59.970" || a.text("items.0.unitPrice") != "19.990" {
		t.Errorf("answer = %s", a.raw)
	}
	spec := g.order(a.text("orderId")).Spec
	if spec.ClassName != class.Name || spec.Policy == nil || spec.Policy.PendingTimeout.Duration != time.Minute {
		t.Errorf("class = %q, policy = %+v", spec.ClassName, spec.Policy)
	}
	if again := post(orderBody("cust-1"), key); again.raw != a.raw {
		t.Errorf("the first answer was %s, the second %s", a.raw, again.raw)
	}
	bad := post(strings.Replace(orderBody("cust-1"), "19.99", "1.00000051", 1), uuid.NewString())
	bad.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	if got := bad.text("error.fieldErrors.0.field"); got != "items[0].unitPrice" {
		t.Errorf("field = %q", got)
	}
}
