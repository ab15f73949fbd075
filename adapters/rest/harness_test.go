package rest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	kube "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
	"github.com/orderplane/orderplane/internal/token"
	"github.com/orderplane/orderplane/test/testenv"
)

// env is the control plane of this test binary.
var env *testenv.Env

func TestMain(m *testing.M) {
	// What these tests do is wait, most of the time: more of them at once than there are cores.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(testenv.Run(m, func(e *testenv.Env) { env = e }))
}

// gateway is a running gateway in a namespace of its own, whose account has the
// role of the installation's gateway there.
type gateway struct {
	t         *testing.T
	url       string
	namespace string
	issuer    token.Issuer
	// tokens are those that were issued, by who they are for.
	tokens *sync.Map
	cfg    rest.Config
	access *kube.Config
	// orders, inventory and notifications are the databases that it asks.
	orders        orderdb.Querier
	inventory     stockdb.Querier
	notifications notificationdb.Querier
	// redis is what it shares with others.
	redis *goredis.Client
	// stop ends it, and returns once it has drained.
	stop func() error
}

func startGateway(t *testing.T, change ...func(*rest.Config)) *gateway {
	t.Helper()
	g := newGateway(t, change...)
	g.start()
	return g
}

// startMirrored starts a gateway of a namespace that a mirror serves, which the test plays.
func startMirrored(t *testing.T, orders orderdb.Querier, inventory stockdb.Querier, change ...func(*rest.Config)) *gateway {
	t.Helper()
	g := newMirrored(t, change...)
	g.orders, g.inventory = orders, inventory
	g.start()
	return g
}

// newMirrored is one that does not run yet, and has no database yet.
func newMirrored(t *testing.T, change ...func(*rest.Config)) *gateway {
	t.Helper()
	g := newGateway(t, append([]func(*rest.Config){func(c *rest.Config) { c.ArchiveTimeout = 10 * time.Second }}, change...)...)
	g.cfg.Mirrored = mirror.Namespaces{g.namespace}
	return g
}

// newGateway is one that does not run yet.
func newGateway(t *testing.T, change ...func(*rest.Config)) *gateway {
	t.Helper()
	key := signingKey(t)
	namespace, access := newNamespace(t)
	g := &gateway{t: t, namespace: namespace, issuer: token.Issuer{Key: key}, tokens: &sync.Map{}}
	cfg := rest.DefaultConfig()
	cfg.Namespace = g.namespace
	cfg.Token.PublicKey = publicPEM(key)
	cfg.RateLimitPerMinute, cfg.ShutdownDelay = 0, 0
	for _, f := range change {
		f(&cfg)
	}
	g.cfg, g.access = cfg, access
	return g
}

// start runs a gateway of g's configuration.
func (g *gateway) start() {
	g.t.Helper()
	server, err := rest.New(g.cfg, rest.Deps{
		Document: document(g.t), Kube: g.access, Log: testr.New(g.t), Metrics: prometheus.NewRegistry(), Now: time.Now, NewID: randomHex,
		Orders: g.orders, Inventory: g.inventory, Notifications: g.notifications, Redis: g.redis,
	})
	must(g.t, err)
	g.serve(server)
}

// replica starts another gateway beside g.
func (g *gateway) replica() *gateway {
	g.t.Helper()
	other := *g
	other.start()
	return &other
}

// serve runs the server until the test is over and waits until it is ready.
func (g *gateway) serve(server *rest.Server) {
	g.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(g.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	g.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	stop := g.stop
	g.t.Cleanup(func() {
		if err := stop(); err != nil {
			g.t.Errorf("serve: %v", err)
		}
	})
	g.url = "http://" + listener.Addr().String()
	g.eventually("the gateway is ready", func() bool {
		return g.do(request{path: "/actuator/health/readiness"}).status == http.StatusOK
	})
}

// newNamespace makes a namespace, and the access of a user gateway-<namespace> who may
// do there what the installation lets the gateway do.
func newNamespace(t *testing.T) (namespace string, access *kube.Config) {
	t.Helper()
	namespace = env.Namespace(t)
	return namespace, env.Access(t, "gateway-"+namespace, namespace, "orderplane-gateway")
}

// mayReadClasses lets the gateway read order classes, which the others need not.
func (g *gateway) mayReadClasses() {
	g.t.Helper()
	env.Grant(g.t, "gateway-"+g.namespace, "", "orderplane-orderclass-view")
}

// request is a request to the gateway.
type request struct {
	method, path string
	// token is sent as bearer token unless empty.
	token string
	body  string
	// header pairs: name, value, name, value.
	header []string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	raw    string
	// body is the decoded JSON, numbers as literals.
	body map[string]any
}

// text returns a member of the body by its path, as text: "error.code".
func (a answer) text(path string) string {
	var value any = a.body
	for _, step := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i := int(step[0] - '0')
			if i >= len(v) {
				return ""
			}
			value = v[i]
		default:
			return ""
		}
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

func (g *gateway) do(r request) answer {
	g.t.Helper()
	a, err := g.try(r)
	must(g.t, err)
	return a
}

func (g *gateway) try(r request) (answer, error) {
	if r.method == "" {
		r.method = http.MethodGet
	}
	httpRequest, err := http.NewRequest(r.method, g.url+r.path, strings.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	if r.token != "" {
		httpRequest.Header.Set("Authorization", "Bearer "+r.token)
	}
	if r.body != "" {
		httpRequest.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(r.header); i += 2 {
		httpRequest.Header.Set(r.header[i], r.header[i+1])
	}
	response, err := http.DefaultClient.Do(httpRequest) //nolint:bodyclose // answerOf closes it
	if err != nil {
		return answer{}, err
	}
	return g.answerOf(httpRequest, response)
}

// answerOf reads an answer to its end, and holds it to the document.
func (g *gateway) answerOf(r *http.Request, response *http.Response) (answer, error) {
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	if err := undocumented(r, response, string(raw)); err != nil {
		g.t.Errorf("%s %s: %d %s: %v", r.Method, r.URL.Path, response.StatusCode, raw, err)
	}
	a := answer{status: response.StatusCode, header: response.Header, raw: string(raw)}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	_ = decoder.Decode(&a.body) // not every answer is a JSON object
	return a, nil
}

// token returns a good token of a subject.
func (g *gateway) token(subject string, roles ...string) string {
	g.t.Helper()
	who := fmt.Sprint(subject, roles)
	if raw, issued := g.tokens.Load(who); issued {
		return raw.(string)
	}
	raw, err := g.issuer.Issue(token.Identity{Subject: subject, Roles: roles}, time.Now(), time.Hour)
	must(g.t, err)
	g.tokens.Store(who, raw)
	return raw
}

func (g *gateway) ops() string { return g.token("ops-1", token.RoleOps) }

// orderBody is the body of a create: two products, 59.97 in all.
func orderBody(customer string) string {
	return fmt.Sprintf(`{"customerId":%q,"items":[
		{"productId":"prod-001","quantity":2,"unitPrice":19.99},
		{"productId":"prod-002","quantity":1,"unitPrice":19.99}],
		"shippingAddress":{"street":"1 Main St","city":"Springfield","country":"US","zip":"12345"}}`, customer)
}

// create creates an order of a customer's and returns its id.
func (g *gateway) create(customer string) string {
	g.t.Helper()
	a := g.do(request{
		method: http.MethodPost, path: "/api/orders", token: g.token(customer), body: orderBody(customer),
		header: []string{"Idempotency-Key", uuid.NewString()},
	})
	if a.status != http.StatusCreated {
		g.t.Fatalf("create: %d %s", a.status, a.raw)
	}
	return a.text("orderId")
}

// setStatus plays the order controller.
func (g *gateway) setStatus(name string, change func(*v1alpha1.Order)) {
	g.t.Helper()
	must(g.t, g.trySetStatus(name, change))
}

func (g *gateway) trySetStatus(name string, change func(*v1alpha1.Order)) error {
	order := &v1alpha1.Order{}
	if err := env.Client.Get(context.Background(), client.ObjectKey{Namespace: g.namespace, Name: name}, order); err != nil {
		return err
	}
	change(order)
	order.Status.ObservedGeneration = order.Generation
	return env.Client.Status().Update(context.Background(), order)
}

// phase returns a change of status to a phase.
func phase(p v1alpha1.OrderPhase) func(*v1alpha1.Order) {
	return func(o *v1alpha1.Order) {
		now := metav1.Now()
		o.Status.Phase = p
		switch p {
		case v1alpha1.OrderCancelled:
			o.Status.CancelledAt = &now
			if c := o.Spec.Cancellation; c != nil {
				o.Status.CancelledReason = c.Reason
			}
		case v1alpha1.OrderFulfilled:
			o.Status.FulfilledAt = &now
		}
	}
}

// controller plays the order controller once: when the order's spec is as asked,
// it changes its status.
func (g *gateway) controller(name string, asked func(*v1alpha1.Order) bool, change func(*v1alpha1.Order)) {
	g.t.Helper()
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	go func() {
		done <- wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			order := &v1alpha1.Order{}
			if err := env.Client.Get(ctx, client.ObjectKey{Namespace: g.namespace, Name: name}, order); err != nil {
				return false, err
			}
			if !asked(order) {
				return false, nil
			}
			return true, g.trySetStatus(name, change)
		})
	}()
	g.t.Cleanup(func() {
		defer cancel()
		if err := <-done; err != nil {
			g.t.Errorf("the order controller of this test: %v", err)
		}
	})
}

func (g *gateway) eventually(what string, holds func() bool) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		g.t.Fatalf("waited in vain until %s", what)
	}
}

// order reads an order from the API server.
func (g *gateway) order(name string) *v1alpha1.Order {
	g.t.Helper()
	order := &v1alpha1.Order{}
	must(g.t, env.Client.Get(context.Background(), client.ObjectKey{Namespace: g.namespace, Name: name}, order))
	return order
}

// wants fails the test when the answer is not an error of this status and code.
func (a answer) wants(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || a.text("error.code") != code {
		t.Errorf("answer = %d %s, want %d %s", a.status, a.raw, status, code)
	}
	for _, member := range []string{"message", "traceId", "timestamp", "path"} {
		if a.text("error."+member) == "" {
			t.Errorf("the error body has no %s: %s", member, a.raw)
		}
	}
	if got := a.header.Get("X-Trace-Id"); got == "" || got != a.text("error.traceId") {
		t.Errorf("X-Trace-Id = %q, error.traceId = %q", got, a.text("error.traceId"))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func publicPEM(key *rsa.PrivateKey) string {
	der := x509.MarshalPKCS1PublicKey(&key.PublicKey)
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der}))
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
