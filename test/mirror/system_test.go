//go:build linux

// Package mirror holds the whole of Orderplane to its promise that every transition is told
// once and in order: real API server, Postgres, Apache Kafka and Redis, the product's own
// binary for manager, gateway and two mirrors, and a consumer that knows the topics alone.
package mirror_test

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/kinds"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/token"
	"github.com/orderplane/orderplane/test/testenv"
	"github.com/orderplane/orderplane/webhooks"
)

const (
	namespace = "shop"
	// customer is who orders by REST.
	customer = "cust-42"
	// startWithin bounds the start of everything on a busy machine.
	startWithin = 3 * time.Minute
)

// system is a cluster with Orderplane on it and everything it talks to.
type system struct {
	t        *testing.T
	dir      string
	binary   string
	cp       *devcluster.ControlPlane
	postgres *devservices.Postgres
	kafka    *devservices.Kafka
	redis    string
	mails    *postOffice
	// components are those of Orderplane: manager, gateway, two mirrors, two notifiers.
	components map[string]*devcluster.Component
	client     client.WithWatch
	gateway    string
	// wiring are the flags by which a mirror finds everything.
	wiring []string
	token  string
}

func startSystem(t *testing.T) *system {
	t.Helper()
	s := &system{t: t, dir: t.TempDir(), components: map[string]*devcluster.Component{}}
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	s.binary = filepath.Join(s.dir, "orderplane")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "../../cmd/orderplane").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s.postgres = testenv.Postgres(t)
	s.startServices(ctx)
	for _, db := range databases() {
		if err := s.postgres.CreateDatabase(ctx, string(db)); err != nil {
			t.Fatal(err)
		}
	}
	s.startCluster(ctx)
	for _, name := range []string{"manager", "gateway", "mirror-1", "mirror-2", "notifier-1", "notifier-2"} {
		s.start(ctx, name)
	}
	return s
}

// startServices runs a broker, which the test restarts, a Redis, and a mail server.
func (s *system) startServices(ctx context.Context) {
	s.t.Helper()
	libs, err := devservices.FindKafka()
	if err != nil {
		testenv.LeaveOut(s.t, err, devservices.ErrNoKafka)
	}
	if s.kafka, err = devservices.StartKafka(ctx, devservices.KafkaOptions{Libs: libs, Dir: filepath.Join(s.dir, "kafka"), LogDir: s.dir}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = s.kafka.Stop() })
	s.redis = testenv.Redis(s.t)
	s.mails = openPostOffice(s.t)
}

func databases() []postgres.Database {
	return []postgres.Database{postgres.Orders, postgres.Inventory, postgres.Notifications}
}

func (s *system) startCluster(ctx context.Context) {
	s.t.Helper()
	cp, err := devcluster.Start(ctx, devcluster.Options{DataDir: filepath.Join(s.dir, "cluster"), LogDir: s.dir, UnsafeNoFsync: true})
	if err != nil {
		s.t.Fatal(err)
	}
	s.cp = cp
	s.t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			s.t.Error(err)
		}
	})
	port, err := devcluster.FreePort()
	if err != nil {
		s.t.Fatal(err)
	}
	installed, err := cp.InstallOrderplane(ctx, devcluster.InstallOptions{
		Executable: s.binary, Dir: s.dir, Namespace: namespace, WebhookPort: port, Admission: webhooks.Manifests, StartTimeout: startWithin,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.prepare(installed)
	scheme, err := kinds.Scheme()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.client, err = client.NewWithWatch(cp.Config(), client.Options{Scheme: scheme, Mapper: kinds.Mapper()}); err != nil {
		s.t.Fatal(err)
	}
}

// prepare makes the components, with the environment that finds everything.
func (s *system) prepare(o *devcluster.Orderplane) {
	s.t.Helper()
	keys := s.signingKey()
	s.wiring = []string{"--namespace=" + namespace, "--db-url=" + s.postgres.URL("postgres"), "--kafka-bootstrap=" + s.kafka.Bootstrap()}
	db := []string{"--db-url=" + s.postgres.URL("postgres")}
	mirrored := "--mirrored-namespaces=" + namespace
	add := func(name string, c *devcluster.Component, err error) {
		if err != nil {
			s.t.Fatal(err)
		}
		s.components[name] = c
	}
	port := func() int {
		p, err := devcluster.FreePort()
		if err != nil {
			s.t.Fatal(err)
		}
		return p
	}
	c, err := o.Manager(port(), "--namespaces="+namespace, "--inventory-port=0", mirrored)
	add("manager", c, err)
	at := port()
	s.gateway = fmt.Sprintf("http://%s:%d", devcluster.Host, at)
	c, err = o.Gateway(at, keys, append(db, "--rate-limit-per-minute=0", mirrored)...)
	add("gateway", c, err)
	for _, name := range []string{"mirror-1", "mirror-2"} {
		c, err = o.Mirror(port(), append(slices.Clone(s.wiring), "--redis-addr="+s.redis)...)
		add(name, c, err)
	}
	for _, name := range []string{"notifier-1", "notifier-2"} {
		add(name, o.Notifier(port(), append(db, "--kafka-bootstrap="+s.kafka.Bootstrap(), fmt.Sprintf("--notify-concurrency=%d", atOnce),
			"--smtp-host="+devcluster.Host, fmt.Sprintf("--smtp-port=%d", s.mails.port), "--smtp-tls=none")...), nil)
	}
}

// start runs a component until the test is over.
func (s *system) start(ctx context.Context, name string) {
	s.t.Helper()
	c := s.components[name]
	s.t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			s.t.Error(err)
		}
		if s.t.Failed() {
			if text, err := os.ReadFile(filepath.Join(s.dir, c.Name()+".log")); err == nil {
				s.t.Logf("%s:\n%s", name, lastLines(text, 40))
			}
		}
	})
	if err := c.Start(ctx); err != nil {
		s.t.Fatal(err)
	}
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// signingKey makes the key of the tokens and the token of the customer, and gives the file
// with the public one.
func (s *system) signingKey() string {
	s.t.Helper()
	private, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		s.t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.dir, "public.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600); err != nil {
		s.t.Fatal(err)
	}
	issuer := token.Issuer{Key: private}
	if s.token, err = issuer.Issue(token.Identity{Subject: customer}, time.Now(), 2*time.Hour); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// shop is a shop whose orders come half by REST and half by manifest.
func (s *system) shop(ob *observer) *shop {
	sh := &shop{namespace: namespace, client: s.client, seen: ob.order}
	sh.place = []func(context.Context, *v1alpha1.Order) error{
		func(ctx context.Context, o *v1alpha1.Order) error { return sh.create(ctx, o) },
		func(ctx context.Context, o *v1alpha1.Order) error { return s.order(ctx, sh, o) },
	}
	return sh
}

// order places an order by REST, once, however often its answer is lost.
func (s *system) order(ctx context.Context, sh *shop, o *v1alpha1.Order) error {
	type line struct {
		ProductID string      `json:"productId"`
		Quantity  int64       `json:"quantity"`
		UnitPrice json.Number `json:"unitPrice"`
	}
	body := struct {
		CustomerID      string            `json:"customerId"`
		Currency        string            `json:"currency"`
		Items           []line            `json:"items"`
		ShippingAddress v1alpha1.Address  `json:"shippingAddress"`
		Contact         *v1alpha1.Contact `json:"contact,omitempty"`
	}{CustomerID: customer, Currency: string(o.Spec.Currency), ShippingAddress: o.Spec.ShippingAddress, Contact: o.Spec.Contact}
	for _, l := range o.Spec.Items {
		body.Items = append(body.Items, line{l.ProductID, l.Quantity, json.Number(l.UnitPrice)})
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	key := uuid.NewSHA1(uuid.NameSpaceOID, []byte(o.Name)).String()
	o.Name = ids.Order(namespace, customer, key)
	return sh.try(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.gateway+"/api/orders", bytes.NewReader(text))
		if err != nil {
			return err
		}
		req.Header = http.Header{"Authorization": {"Bearer " + s.token}, "Content-Type": {"application/json"}, "Idempotency-Key": {key}}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer answer.Body.Close() //nolint:errcheck // it was read
		var said bytes.Buffer
		if _, err := said.ReadFrom(answer.Body); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusCreated {
			return fmt.Errorf("create by REST: %s: %s", answer.Status, &said)
		}
		return nil
	})
}

// pool is a database as an administrator sees it.
func (s *system) pool(db postgres.Database) *pgxpool.Pool {
	s.t.Helper()
	p, err := pgxpool.New(s.t.Context(), s.postgres.URL(string(db)))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.Close)
	return p
}

// settled waits until nothing is under way any more: no outbox has a row, and no order
// waits to be let go.
func (s *system) settled(ctx context.Context) error {
	pools := []*pgxpool.Pool{s.pool(postgres.Orders), s.pool(postgres.Inventory)}
	var left string
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		left = ""
		for _, p := range pools {
			var waiting int
			if err := p.QueryRow(ctx, "SELECT count(*) FROM outbox").Scan(&waiting); err != nil || waiting > 0 {
				left = fmt.Sprintf("%d in an outbox (%v)", waiting, err)
				return false, nil
			}
		}
		var orders v1alpha1.OrderList
		if err := s.client.List(ctx, &orders, client.InNamespace(namespace)); err != nil {
			return false, nil
		}
		rows := map[string]int64{}
		var id string
		var seq int64
		read, err := pools[0].Query(ctx, "SELECT id, seq FROM orders")
		if err != nil {
			return false, nil
		}
		defer read.Close()
		for read.Next() {
			if read.Scan(&id, &seq) == nil {
				rows[id] = seq
			}
		}
		for i := range orders.Items {
			o := &orders.Items[i]
			if !o.DeletionTimestamp.IsZero() || rows[o.Name] != int64(max(len(o.Status.History), 1)) {
				left = "order " + o.Name + " is not in Postgres as it is"
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("it does not settle: %s: %w", left, err)
	}
	return nil
}

// observer's and admin's access to the API server.
func (s *system) access() *rest.Config { return s.cp.Config() }

// watchAsTheProduct has this process read the cluster as every process of the product does.
func (s *system) watchAsTheProduct() {
	if err := cachedclient.DisableWatchList(); err != nil {
		s.t.Fatal(err)
	}
}
