package rest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderplane/orderplane/adapters/rest"
)

// hostileRequests is how many odd requests one customer sends.
const hostileRequests = 1000

// One customer sends whatever comes to mind. None of it is a failure of the
// gateway or of the API server, and another customer notices nothing.
func TestAHostileCustomerHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.CommandWait = 50 * time.Millisecond })
	g.normalTraffic(nil) // the first requests warm it up
	alone := g.normalTraffic(nil)

	over := make(chan struct{})
	done := make(chan map[int]int, 1)
	go func() {
		defer close(over)
		done <- g.sendHostile(hostileRequests)
	}()
	beside := g.normalTraffic(over)
	answers := <-done

	t.Logf("another customer alone:  %s", alone)
	t.Logf("beside hostile requests: %s", beside)
	t.Logf("answers to hostile requests, by status: %v", answers)
	for status, n := range answers {
		if status >= 500 {
			t.Errorf("%d hostile requests were answered with %d", n, status)
		}
	}
	if alone.failed+beside.failed > 0 {
		t.Errorf("requests of another customer failed: %d alone, %d beside", alone.failed, beside.failed)
	}
	// Two clients on a small machine share its cores; a breaker that opens, or a
	// queue, would be far outside of this.
	if limit := 10*alone.p99() + time.Second; beside.p99() > limit {
		t.Errorf("p99 = %s, %s alone", beside.p99(), alone.p99())
	}
	g.breakersAreUntouched()
}

// traffic is what a customer saw of their own requests.
type traffic struct {
	took   []time.Duration
	failed int
}

func (s traffic) p99() time.Duration {
	slices.Sort(s.took)
	return s.took[len(s.took)*99/100]
}

func (s traffic) String() string {
	return fmt.Sprintf("%d requests, %d failed, p99 %s", len(s.took), s.failed, s.p99())
}

// normalTraffic plays a customer who creates, reads, lists and cancels, forty
// times at least, and until over.
func (g *gateway) normalTraffic(over <-chan struct{}) traffic {
	const customer = "good-1"
	tok := g.token(customer)
	var seen traffic
	send := func(want int, r request) answer {
		started := time.Now()
		a, err := g.try(r)
		seen.took = append(seen.took, time.Since(started))
		if err != nil || a.status != want {
			seen.failed++
			g.t.Errorf("%s %s = %d %s %v", r.method, r.path, a.status, a.raw, err)
		}
		return a
	}
	goesOn := func() bool {
		select {
		case <-over:
			return false
		default:
			return over != nil
		}
	}
	for n := 0; n < 40 || goesOn(); n++ {
		made := send(http.StatusCreated, request{
			method: "POST", path: "/api/orders", token: tok, body: orderBody(customer), header: []string{"Idempotency-Key", uuid.NewString()},
		})
		path := "/api/orders/" + made.text("orderId")
		read := send(http.StatusOK, request{path: path, token: tok})
		send(http.StatusOK, request{path: "/api/orders?pageSize=5", token: tok})
		send(http.StatusAccepted, request{method: "DELETE", path: path, token: tok, header: []string{"If-Match", read.header.Get("ETag")}})
	}
	return seen
}

// sendHostile sends n hostile requests, some at once, and counts the answers. A
// connection that the gateway closed without an answer counts as 0.
func (g *gateway) sendHostile(n int) map[int]int {
	h := newHostile(g)
	requests := make(chan *http.Request, n)
	for i := range n {
		requests <- h.request(i)
	}
	close(requests)
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		answers = map[int]int{}
	)
	for range 6 {
		wg.Go(func() {
			for r := range requests {
				status := 0
				if response, err := http.DefaultTransport.RoundTrip(r); err == nil {
					status = response.StatusCode
					_ = response.Body.Close()
				}
				mu.Lock()
				answers[status]++
				mu.Unlock()
			}
		})
	}
	wg.Go(func() { g.hangUp(20) })
	wg.Wait()
	return answers
}

// hangUp begins requests and goes away before they are complete.
func (g *gateway) hangUp(n int) {
	address := strings.TrimPrefix(g.url, "http://")
	for i := range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			continue
		}
		_, _ = fmt.Fprintf(c, "POST /api/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n%s", g.token("bad-1"), uuid.NewString(), strings.Repeat("{", i*100))
		_ = c.Close()
	}
}

// hostile makes odd requests of the customer bad-1, always the same ones.
type hostile struct {
	g     *gateway
	rng   *rand.Rand
	token string
	// order is one of the customer's own.
	order string
	ways  []func() *http.Request
}

func newHostile(g *gateway) *hostile {
	h := &hostile{g: g, rng: rand.New(rand.NewPCG(17, 3)), token: g.token("bad-1"), order: g.create("bad-1")}
	h.ways = []func() *http.Request{
		h.oddIfMatch, h.oddBody, h.oddBody, h.oddToken, h.oddPath, h.oddQuery, h.oddMethod, h.oddContentType, h.oddKey, h.oddTrace, h.oddCommand, h.oddBasket,
	}
	return h
}

// request makes the i-th request.
func (h *hostile) request(i int) *http.Request { return h.ways[i%len(h.ways)]() }

func pick[T any](h *hostile, of ...T) T { return of[h.rng.IntN(len(of))] }

// noise is a piece of text that is hard on parsers.
func (h *hostile) noise() string {
	return pick(h, "5555", "", "0", "-1", "9223372036854775808", "1e400", "null", "\"", "'", "' OR 1=1 --", "{}", "[]", "%00", "%", "..", "../..",
		"\u00e4", "\u202e", "a,b", "*", "W/", "$(x)", "{{7*7}}", "<x>", strings.Repeat("9", 300), strings.Repeat("a", 2000), uuid.NewString())
}

func (h *hostile) new(method, path, body string) *http.Request {
	r, err := http.NewRequest(method, h.g.url, strings.NewReader(body))
	must(h.g.t, err)
	path, query, _ := strings.Cut(path, "?")
	// As it is written: no part of the client mends it.
	r.URL.Opaque = "//" + r.URL.Host + path
	r.URL.RawQuery = query
	r.Header.Set("Authorization", "Bearer "+h.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (h *hostile) create(body string) *http.Request {
	r := h.new("POST", "/api/orders", body)
	r.Header.Set("Idempotency-Key", uuid.NewString())
	return r
}

func (h *hostile) oddIfMatch() *http.Request {
	r := h.new("DELETE", "/api/orders/"+h.order, "")
	n := strings.Map(printable, h.noise())
	r.Header.Set("If-Match", pick(h, n, `"`+n+`"`, `W/"`+n+`"`, `"x", "`+n+`"`, `"`+n))
	if h.rng.IntN(4) == 0 {
		r.Header.Add("If-Match", n)
	}
	return r
}

func (h *hostile) oddBody() *http.Request {
	good := orderBody("bad-1")
	deep := h.rng.IntN(20000)
	big := strings.Repeat("x", 1+h.rng.IntN(1<<20))
	return h.create(pick(h,
		"{", good[:h.rng.IntN(len(good))], good+good, good+"]", "[]", "null", "7", `"x"`, "\xff\xfe", "\x00"+good, "\ufeff"+good,
		strings.Repeat("[", deep), `{"customerId":`+strings.Repeat("[", deep)+strings.Repeat("]", deep)+"}", `{"a":`+strings.Repeat(`{"a":`, deep),
		strings.Replace(good, "1 Main St", big, 1), strings.Repeat(good, 5000),
		strings.Replace(good, `"quantity":2`, `"quantity":2,"quantity":9`, 1), strings.Replace(good, "19.99", h.noise(), 1),
		strings.Replace(good, "1 Main St", `\ud800`, 1), strings.Replace(good, "1 Main St", `\u0000`, 1), strings.Replace(good, "1 Main St", "\xc3\x28", 1),
		strings.Replace(good, "1 Main St", strings.Repeat("\U0001F9F8", 200), 1), strings.Replace(good, "prod-001", h.noise(), 1),
		strings.Replace(good, `"customerId":"bad-1"`, `"customerId":`+fmt.Sprintf("%q", h.noise()), 1), `{"`+h.noise()+`":1}`,
		strings.Replace(good, `"quantity":2`, `"quantity":`+strings.Repeat("9", h.rng.IntN(5000)), 1)))
}

func (h *hostile) oddToken() *http.Request {
	r := h.new("GET", "/api/orders/"+h.order, "")
	n := strings.Map(printable, h.noise())
	r.Header.Set("Authorization", pick(h, "", n, "Bearer", "Bearer "+n, "Basic "+n, "Bearer a.b.c", "Bearer "+strings.Repeat("a.", 3000),
		"Bearer "+h.token[:h.rng.IntN(len(h.token))], "Bearer "+h.token+"x", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcHMifQ."))
	return r
}

func (h *hostile) oddPath() *http.Request {
	n := strings.NewReplacer(" ", "+", "\"", "%22", "\u00e4", "%C3%A4", "\u202e", "%E2%80%AE", "<", "%3C", ">", "%3E", "{", "%7B", "}", "%7D",
		"'", "%27", "?", "%3F").Replace(h.noise())
	return h.new("GET", pick(h, "/api/orders/"+n, "/api/orders/"+n+"/return", "/api/inventory/"+n, "/api/"+n, "/"+n, "/api/orders/%2e%2e/"+n,
		"/api//orders", "/api/orders/", "/api/orders/"+strings.ToUpper(h.order), "/api/orders/"+h.order+"/"+n, "/api/orders/"+strings.Repeat("a.", 120)+"a",
		"/api/orders/%00", "/api/orders/%ff", "/api/orders/"+strings.Repeat("%2F", 50)), "")
}

func (h *hostile) oddQuery() *http.Request {
	n := strings.NewReplacer(" ", "+", "\"", "%22").Replace(strings.Map(printable, h.noise()))
	return h.new("GET", "/api/orders?"+pick(h, "page="+n, "pageSize="+n, "status="+n, "from="+n, "to="+n, "customerId="+n, n, n+"="+n, "&&&=", ";", "page=0&page=1",
		"page=99999999999999999999", "page=1000000&pageSize=100", "from=2026-01-01T00:00:00Z&to=2020-01-01T00:00:00Z", "from=0000-00-00T00:00:00Z",
		"from=9999-12-31T23:59:59.999999999%2B23:59", "continue="+n, "fieldSelector="+n, "resourceVersion="+n, "limit=-1", "status=PENDING&status=LOST", "%zz=%"), "")
}

func (h *hostile) oddBasket() *http.Request {
	n := h.noise()
	r := h.new(pick(h, "POST", "PUT", "DELETE", "GET"), pick(h, "/api/baskets", "/api/baskets/basket-"+strings.Repeat("a", 26), "/api/baskets/"+h.order),
		pick(h, "{}", "{", `{"items":[]}`, basketBody(h.rng.IntN(2000000), ""), basketBody(1, `,"ttlSeconds":`+n), basketBody(1, `,"ttlSeconds":1e400`),
			`{"items":[{"productId":"`+strings.Repeat("p", h.rng.IntN(200))+`","quantity":1}]}`, `{"ttlSeconds":`+strings.Repeat("9", 400)+`}`))
	r.Header.Set("Idempotency-Key", uuid.NewString())
	return r
}

func (h *hostile) oddMethod() *http.Request {
	return h.new(pick(h, "TRACE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "PROPFIND", "FOO", "PUT"), pick(h, "/api/orders", "/api/orders/"+h.order, "/api/nowhere"),
		pick(h, "", "{}", "{"))
}

func (h *hostile) oddContentType() *http.Request {
	r := h.create(pick(h, orderBody("bad-1"), "{}", "<x/>"))
	r.Header.Set("Content-Type", pick(h, "", "text/plain", "application/json; charset=utf-16", "application/json;", "application/json; x=\"", "multipart/form-data; boundary=x",
		"application/x-www-form-urlencoded", "application/json, text/plain", strings.Repeat("a/b;", 500)))
	if h.rng.IntN(2) == 0 {
		r.Header.Set("Content-Encoding", pick(h, "gzip", "br", "identity", "x"))
	}
	return r
}

func (h *hostile) oddKey() *http.Request {
	r := h.create(orderBody("bad-1"))
	n := strings.Map(printable, h.noise())
	r.Header.Set("Idempotency-Key", pick(h, n, `"`+n+`"`, uuid.NewString()+n, `"`+uuid.NewString(), uuid.Nil.String()))
	if h.rng.IntN(3) == 0 {
		r.Header.Add("Idempotency-Key", uuid.NewString())
	}
	return r
}

func (h *hostile) oddTrace() *http.Request {
	r := h.create(orderBody("bad-1"))
	n := strings.Map(printable, h.noise())
	r.Header.Set(pick(h, "X-Trace-Id", "traceparent", "tracestate", "X-Forwarded-For", "Accept", "Expect", "Prefer"), n)
	return r
}

func (h *hostile) oddCommand() *http.Request {
	method, command := "POST", pick(h, "fulfill", "return", "return/approve", "return/reject")
	if strings.HasPrefix(command, "return/") {
		method = "PUT"
	}
	body := pick(h, "", "{}", "{", `{"reason":""}`, `{"reason":"`+strings.Repeat("r", h.rng.IntN(2000))+`"}`, `{"reason":"x","items":[]}`,
		`{"reason":"x","items":[{"productId":"prod-001","quantity":1},{"productId":"prod-001","quantity":1}]}`, `{"restock":"yes"}`, `{"carrier":7}`,
		`{"reason":"x","items":[{"productId":"`+strings.Repeat("p", h.rng.IntN(500))+`","quantity":100000000}]}`)
	return h.new(method, "/api/orders/"+pick(h, h.order, "nobody", uuid.NewString())+"/"+command, body)
}

// printable keeps what may stand in a header.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || bytes.ContainsRune([]byte("\r\n"), r) {
		return -1
	}
	return r
}
