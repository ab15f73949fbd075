package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// carriedOut plays the order controller that carries out each command at once.
func (c aCommand) carriedOut(g *gateway, id, command string) {
	g.t.Helper()
	change := map[string]func(*v1alpha1.Order){
		"cancel":  phase(v1alpha1.OrderCancelled),
		"fulfill": phase(v1alpha1.OrderFulfilled),
		"return":  answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, ""),
		"approve": answerReturn(v1alpha1.OrderReturned, v1alpha1.ReturnApproved, ""),
		"reject":  answerReturn(v1alpha1.OrderFulfilled, v1alpha1.ReturnRejected, "worn"),
	}[command]
	asked := map[string]func(*v1alpha1.Order) bool{
		"cancel": cancelAsked, "fulfill": fulfillAsked, "return": returnAsked("too small"), "approve": decided, "reject": decided,
	}[command]
	g.controller(id, asked, change)
}

// A client that lost the answer can't tell it from a refusal: the same command again
// after it succeeded gets the order, with a key, without one, and with the If-Match it had.
func TestTheSameCommandAgainGetsTheOrder(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for name, c := range everyCommand() {
		for how, key := range map[string]string{"without a key": "", "with its key": uuid.NewString()} {
			t.Run(name+"/"+how, func(t *testing.T) {
				id := c.ready(g)
				header := []string{"If-Match", `"` + g.order(id).ResourceVersion + `"`}
				if key != "" {
					header = append(header, "Idempotency-Key", key)
				}
				c.carriedOut(g, id, name)
				first := g.do(c.of(g, id, header...))
				if first.status != http.StatusOK || first.header.Get("Idempotent-Replayed") != "" {
					t.Fatalf("first = %d %s", first.status, first.raw)
				}
				written := g.order(id)
				for range 2 {
					again := g.do(c.of(g, id, header...))
					if again.status != http.StatusOK || again.header.Get("Idempotent-Replayed") != "true" || again.text("status") != first.text("status") {
						t.Errorf("again = %d %s, Idempotent-Replayed %q", again.status, again.raw, again.header.Get("Idempotent-Replayed"))
					}
				}
				if now := g.order(id); now.ResourceVersion != written.ResourceVersion {
					t.Error("the repeat wrote into the order")
				}
			})
		}
	}
}

// One key names one request.
func TestAKeyOfACommandIsGoodForOneRequest(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for name, other := range map[string]string{
		"cancel": `{"reason":"PAYMENT_FAILED"}`, "fulfill": `{"carrier":"DHL"}`, "return": `{"reason":"too large"}`,
		"approve": `{"restock":false}`, "reject": `{"reason":"torn"}`,
	} {
		t.Run(name, func(t *testing.T) {
			c, key := everyCommand()[name], uuid.NewString()
			id := c.ready(g)
			c.carriedOut(g, id, name)
			if a := g.do(c.of(g, id, "Idempotency-Key", key)); a.status != http.StatusOK {
				t.Fatalf("first = %d %s", a.status, a.raw)
			}
			another := c
			another.body = other
			g.do(another.of(g, id, "Idempotency-Key", key)).wants(t, http.StatusConflict, "DUPLICATE_ORDER")
			elsewhere := request{method: "PUT", path: "/api/orders/" + id + "/return/reject", token: c.of(g, id).token, body: `{"reason":"x"}`, header: []string{"Idempotency-Key", key}}
			if c.ops && name != "reject" {
				g.do(elsewhere).wants(t, http.StatusConflict, "DUPLICATE_ORDER")
			}
			g.do(c.of(g, id, "Idempotency-Key", "no UUID")).wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		})
	}
}

// What is asked anew is no repeat.
func TestAnotherCommandIsNoRepeat(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ops := g.ops()
	shipped := g.confirmed()
	g.controller(shipped, fulfillAsked, phase(v1alpha1.OrderFulfilled))
	fulfill := request{method: "POST", path: "/api/orders/" + shipped + "/fulfill", token: ops, body: `{"carrier":"UPS","trackingNumber":"1Z"}`}
	if a := g.do(fulfill); a.status != http.StatusOK {
		t.Fatalf("fulfill = %d %s", a.status, a.raw)
	}
	for _, body := range []string{`{"carrier":"DHL","trackingNumber":"1Z"}`, `{"carrier":"UPS"}`, ``} {
		fulfill.body = body
		g.do(fulfill).wants(t, http.StatusConflict, "INVALID_TRANSITION")
	}
	g.do(request{method: "DELETE", path: "/api/orders/" + shipped, token: ops}).wants(t, http.StatusConflict, "INVALID_TRANSITION")

	approve := everyCommand()["approve"]
	id := approve.ready(g)
	g.controller(id, decided, answerReturn(v1alpha1.OrderReturned, v1alpha1.ReturnApproved, ""))
	if a := g.do(approve.of(g, id)); a.status != http.StatusOK {
		t.Fatalf("approve = %d %s", a.status, a.raw)
	}
	path := "/api/orders/" + id + "/return"
	g.do(request{method: "PUT", path: path + "/approve", token: ops, body: `{"restock":false}`}).wants(t, http.StatusConflict, "INVALID_TRANSITION")
	g.do(request{method: "PUT", path: path + "/reject", token: ops, body: `{"reason":"worn"}`}).wants(t, http.StatusConflict, "INVALID_TRANSITION")

	reject := everyCommand()["reject"]
	id = reject.ready(g)
	g.controller(id, decided, answerReturn(v1alpha1.OrderFulfilled, v1alpha1.ReturnRejected, "worn"))
	if a := g.do(reject.of(g, id)); a.status != http.StatusOK {
		t.Fatalf("reject = %d %s", a.status, a.raw)
	}
	reject.body = `{"reason":"torn"}`
	g.do(reject.of(g, id)).wants(t, http.StatusConflict, "INVALID_TRANSITION")
	g.do(approve.of(g, id)).wants(t, http.StatusConflict, "INVALID_TRANSITION")
	// After a rejection the same words ask anew.
	first := g.order(id).Spec.Return.RequestID
	askedAnew := func(o *v1alpha1.Order) bool { return o.Spec.Return.RequestID != first }
	g.controller(id, askedAnew, answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, ""))
	g.do(everyCommand()["return"].of(g, id))
	if again := g.order(id).Spec.Return.RequestID; again == first {
		t.Error("after a rejection one can't ask again")
	}
}

// The wish that an order is cancelled holds, whoever cancelled it and why.
func TestACancelOfACancelledOrderIsDone(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	g.setStatus(id, func(o *v1alpha1.Order) {
		phase(v1alpha1.OrderCancelled)(o)
		o.Status.CancelledReason = v1alpha1.CancelSLATimeout
	})
	for _, body := range []string{"", `{"reason":"CUSTOMER_REQUEST"}`, `{"reason":"PAYMENT_FAILED"}`} {
		a := g.do(request{method: "DELETE", path: "/api/orders/" + id, token: g.token("cust-1"), body: body})
		if a.status != http.StatusOK || a.text("cancelledReason") != "SLA_TIMEOUT" {
			t.Errorf("%q: %d %s", body, a.status, a.raw)
		}
	}
}

// What a gateway has seen may be older than what the client was told. Before it
// refuses, it asks the API server.
func TestAGatewayThatIsBehindAsksBeforeItRefuses(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	watches := testenv.NewWatchGate("orders")
	behind := *g
	behind.access = kube.CopyConfig(g.access)
	behind.access.Wrap(watches.Wrap)
	behind.start()
	id := g.create("cust-1")
	g.eventually("the other gateway knows the order", func() bool {
		return behind.do(request{path: "/api/orders", token: g.token("cust-1")}).text("total") == "1"
	})
	release := watches.Hold()
	defer release()
	old := `"` + g.order(id).ResourceVersion + `"`
	g.setStatus(id, phase(v1alpha1.OrderCancelled))
	for _, header := range [][]string{nil, {"If-Match", old}} {
		a := behind.do(request{method: "DELETE", path: "/api/orders/" + id, token: g.token("cust-1"), header: header})
		if a.status != http.StatusOK || a.text("status") != "CANCELLED" {
			t.Errorf("%v: %d %s", header, a.status, a.raw)
		}
	}
}

// Somebody else's same intent is this one's, too: an open command is not refused
// because another user asked first.
func TestAnOpenCommandOfSomebodyElseIsWaitedFor(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	id := g.confirmed()
	for _, tok := range []string{g.token("cust-1"), g.ops(), g.token("ops-2", "ops")} {
		a := g.do(request{method: "DELETE", path: "/api/orders/" + id, token: tok})
		if a.status != http.StatusAccepted || a.text("pendingCommand") != "CANCEL" {
			t.Errorf("answer = %d %s", a.status, a.raw)
		}
	}
	if by := g.order(id).Spec.Cancellation.OnBehalfOf; by != "cust-1" {
		t.Errorf("onBehalfOf = %s", by)
	}
}

// After a part came back the same words ask for another part, unless their key says
// that they were said before.
func TestAPartThatCameBackIsNoRepeat(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	c := everyCommand()["return"]
	c.body = `{"reason":"broken","items":[{"productId":"prod-001","quantity":1}]}`
	id, key := c.ready(g), uuid.NewString()
	g.controller(id, returnAsked("broken"), func(o *v1alpha1.Order) {
		answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, "")(o)
		o.Status.History = append(o.Status.History, v1alpha1.OrderHistoryEntry{
			Seq: 2, Type: v1alpha1.HistoryReturnRequested, At: metav1.Now(), RequestID: o.Spec.Return.RequestID,
		})
	})
	if a := g.do(c.of(g, id, "Idempotency-Key", key)); a.status != http.StatusOK {
		t.Fatalf("request = %d %s", a.status, a.raw)
	}
	first := g.order(id).Spec.Return.RequestID
	g.setStatus(id, answerReturn(v1alpha1.OrderFulfilled, v1alpha1.ReturnApproved, ""))
	if a := g.do(c.of(g, id, "Idempotency-Key", key)); a.status != http.StatusOK || a.text("status") != "FULFILLED" {
		t.Errorf("with the key of the first: %d %s", a.status, a.raw)
	}
	if a := g.impatientReplica().do(c.of(g, id)); a.status != http.StatusAccepted || g.order(id).Spec.Return.RequestID == first {
		t.Errorf("without a key: %d %s", a.status, a.raw)
	}
	// The first key still names the first request.
	if a := g.do(c.of(g, id, "Idempotency-Key", key)); a.status != http.StatusOK || a.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("with the key of the first, later: %d %s", a.status, a.raw)
	}
}

// impatientReplica starts another gateway beside g, which waits for no command.
func (g *gateway) impatientReplica() *gateway {
	g.t.Helper()
	hasty := *g
	impatient(&hasty.cfg)
	return hasty.replica()
}

// Counting without a key is for old clients, who are told.
func TestAnAdjustmentWithoutAKeyIsWarnedAbout(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	g.item("prod-001", 100)
	put := request{method: "PUT", path: "/api/inventory/prod-001/stock", token: g.ops(), body: `{"delta":1}`}
	for range 2 {
		a := g.do(put)
		if !strings.Contains(a.text("warning"), "Idempotency-Key") || !strings.HasPrefix(a.header.Get("Warning"), `299 - "`) {
			t.Errorf("%d %s, Warning %q", a.status, a.raw, a.header.Get("Warning"))
		}
	}
	if n := len(g.documents()); n != 2 {
		t.Errorf("%d documents, want one for each request", n)
	}
	put.header = []string{"Idempotency-Key", uuid.NewString()}
	if a := g.do(put); a.text("warning") != "" || a.header.Get("Warning") != "" {
		t.Errorf("with a key: %s, Warning %q", a.raw, a.header.Get("Warning"))
	}
}
