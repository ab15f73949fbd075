//go:build linux

package compose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/release/image"
)

var binaryFlag = flag.String("binary", "", "static binary to run, such as that of a release; one is built when empty")

// built is the binary, built once.
var built = sync.OnceValues(func() (string, error) {
	if *binaryFlag != "" {
		return filepath.Abs(*binaryFlag)
	}
	dir, err := os.MkdirTemp(os.Getenv(insideVariable), "binary-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "orderplane")
	args := []string{"build", "-o", file}
	if cgo, err := exec.Command("go", "env", "CGO_ENABLED").Output(); err == nil && strings.TrimSpace(string(cgo)) == "1" {
		// Static, out of the packages that were compiled for everything else; the image has no C library.
		args = append(args, "-ldflags", "-linkmode=external -extldflags=-static")
	}
	out, err := exec.Command("go", append(args, "../../cmd/orderplane")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return file, nil
})

func binary(t *testing.T) string {
	t.Helper()
	file, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTheFileRuns starts what compose.yaml says, in its order, with its arguments, environment, users, volumes and health
// checks, and uses it as a customer does. Images of others have stand-ins: the machine's Postgres, an embedded Kafka and Redis,
// a mail sink.
func TestTheFileRuns(t *testing.T) {
	dir := inside(t)
	project := loadExample(t)
	e := newEngine(t, dir, project)
	e.images["orderplane:latest"] = orderplaneImage(t, dir)
	e.images["orderplane-controlplane:latest"] = controlPlaneImage(t, dir)
	e.addStandIns(dir)
	up := *project
	up.Services = types.Services{}
	for name, s := range project.Services {
		if name != "cli" {
			up.Services[name] = s
		}
	}
	e.project = &up
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	t.Cleanup(stop)
	if err := e.up(ctx); err != nil {
		t.Fatal(err)
	}
	e.project = project

	customer := e.cli(ctx, "token", "--sub", "cust-001")
	order := place(t, customer)
	waitConfirmed(t, customer, order)
	if record := e.cli(ctx, "topic", "tail", "order.created", "--from-beginning", "--count", "1", "--key", order); !strings.Contains(record, order) {
		t.Errorf("topic order.created has %q", record)
	}
	waitMail(t, filepath.Join(dir, "mails"), order)
	if config := e.cli(ctx, "prepare", "kubeconfig"); !strings.Contains(config, "server: https://127.0.0.1:6443") {
		t.Errorf("the kubeconfig for this machine is %q", config)
	}

	// Each step may run again, and changes nothing.
	for _, name := range []string{"prepare", "cluster", "topics", "stock"} {
		if _, err := e.containers[name].run(ctx); err != nil {
			t.Errorf("the second time: %v", err)
		}
	}
	waitConfirmed(t, customer, order)
	for name, c := range e.containers {
		if said := c.said(); strings.Contains(said, "forbidden") && name != "apiserver" {
			t.Errorf("%s may not do something that it tries:\n%s", name, said)
		}
	}
	stop()
}

// orderplaneImage assembles the image as a release does, and unpacks it.
func orderplaneImage(t *testing.T, dir string) *rootfs {
	t.Helper()
	certificates := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(certificates, []byte("# none is needed here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "layout")
	if _, err := image.Write(path, image.Options{
		Binaries:       []image.Binary{{OS: "linux", Arch: runtime.GOARCH, File: binary(t)}},
		CACertificates: certificates, Version: "v0.0.0-test", Created: time.Unix(1, 0),
	}); err != nil {
		t.Fatal(err)
	}
	unpacked, err := unpack(path, runtime.GOARCH, filepath.Join(dir, "image"))
	if err != nil {
		t.Fatal(err)
	}
	return unpacked
}

// controlPlaneImage has what the Dockerfile's stage of that name copies.
func controlPlaneImage(t *testing.T, dir string) *rootfs {
	t.Helper()
	assets, err := devcluster.FindAssets()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "controlplane")
	data := filepath.Join(root, "var/lib/etcd")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{
		"etcd": filepath.Join(assets, "etcd"), "kube-apiserver": filepath.Join(assets, "kube-apiserver"), "orderplane": binary(t),
	} {
		if err := linkOrCopy(from, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return &rootfs{dir: root, user: "65532:65532"}
}

// linkOrCopy gives a file a second name; it is copied to another file system.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// addStandIns says what runs in place of the images of others, at the ports that these have in their containers.
func (e *engine) addStandIns(dir string) {
	e.standIns["postgres"] = func(ctx context.Context) error { return e.startPostgres(ctx, dir) }
	e.standIns["kafka"] = func(context.Context) error {
		broker, err := devservices.StartEmbeddedKafka(devservices.EmbeddedKafkaOptions{Dir: filepath.Join(dir, "kafka"), Port: 19092})
		if err == nil {
			e.t.Cleanup(broker.Stop)
		}
		return err
	}
	e.standIns["redis"] = func(context.Context) error {
		redis, err := devservices.StartEmbeddedRedis(6379)
		if err == nil {
			e.t.Cleanup(redis.Stop)
		}
		return err
	}
	e.standIns["mail"] = func(context.Context) error {
		mail, err := devservices.StartMailSink(filepath.Join(dir, "mails"), 1025)
		if err == nil {
			e.t.Cleanup(mail.Stop)
		}
		return err
	}
	e.standIns["kafka-ui"] = func(context.Context) error { return nil }
}

// startPostgres runs the machine's Postgres as the image of Postgres is told to: user, password, database, and the script.
func (e *engine) startPostgres(ctx context.Context, dir string) error {
	settings := e.project.Services["postgres"].Environment
	bin, err := devservices.FindPostgres()
	if err != nil {
		bin, err = devservices.FetchPostgres(ctx, e.t.Logf)
	}
	if err != nil {
		return err
	}
	p, err := devservices.StartPostgres(ctx, devservices.PostgresOptions{
		Bin: bin, Dir: filepath.Join(dir, "postgres"), LogDir: filepath.Join(dir, "log"),
		Port: 5432, Password: *settings["POSTGRES_PASSWORD"], UnsafeNoFsync: true,
	})
	if err != nil {
		return err
	}
	e.t.Cleanup(func() { _ = p.Stop() })
	if *settings["POSTGRES_USER"] != devservices.PostgresUser {
		return fmt.Errorf("POSTGRES_USER is %s, want %s", *settings["POSTGRES_USER"], devservices.PostgresUser)
	}
	if err := p.CreateDatabase(ctx, *settings["POSTGRES_DB"]); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, p.URL(*settings["POSTGRES_DB"]))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to be said
	for statement := range strings.SplitSeq(e.project.Configs["databases"].Content, ";") {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

const gateway = "http://127.0.0.1:8080"

// place places an order of the sample stock and returns its id.
func place(t *testing.T, token string) string {
	t.Helper()
	const body = `{"customerId": "cust-001", "contact": {"email": "you@example.com"},
		"items": [{"productId": "prod-001", "quantity": 2, "unitPrice": 12.50}],
		"shippingAddress": {"street": "1 Harbour Road", "city": "Hamburg", "country": "DE", "zip": "20457"}}`
	var order struct {
		OrderID string `json:"orderId"`
	}
	ask(t, http.MethodPost, "/api/orders", token, body, http.StatusCreated, &order)
	return order.OrderID
}

func waitConfirmed(t *testing.T, token, id string) {
	t.Helper()
	eventually(t, "the order is confirmed", func() string {
		var order struct {
			Status string `json:"status"`
		}
		ask(t, http.MethodGet, "/api/orders/"+id, token, "", http.StatusOK, &order)
		if order.Status != "CONFIRMED" {
			return "it is " + order.Status
		}
		return ""
	})
}

// waitMail waits until a mail that names the order is in the sink.
func waitMail(t *testing.T, folder, id string) {
	t.Helper()
	eventually(t, "a mail is sent", func() string {
		files, err := filepath.Glob(filepath.Join(folder, "*.eml"))
		if err != nil {
			return err.Error()
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(id)) {
				return ""
			}
		}
		return fmt.Sprintf("%d mails, none names it", len(files))
	})
}

func eventually(t *testing.T, what string, missing func() string) {
	t.Helper()
	deadline := time.After(time.Minute)
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		why := missing()
		if why == "" {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not within a minute: %s", what, why)
		case <-pause.C:
		}
	}
}

func ask(t *testing.T, method, path, token, body string, want int, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, gateway+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", "8d9b2f5e-0c1a-4f57-9a3e-5b1d7c2e4f60")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}
