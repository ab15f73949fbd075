// Package testenv is what tests on a real API server need: the API server, with
// Orderplane's CRDs on it; managers to run; objects to begin with; users with the
// roles of config/rbac; transports that hold, cut and count; a clock to set; and how
// much was written.
//
// One control plane serves a whole test binary: start it in ginkgo's BeforeSuite
// with Start(GinkgoTB()), or in TestMain with Run. Tests keep apart by namespace.
package testenv

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/kinds"
)

// startTimeout covers a control plane on a machine that is busy with other tests.
const startTimeout = 3 * time.Minute

// TB is what this package needs of a test: a *testing.T, a *testing.B, GinkgoTB() or GinkgoT().
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(func())
}

// Env is a running control plane with Orderplane's kinds.
type Env struct {
	// Config is an administrator's access, without client-side limits.
	Config *rest.Config
	// Client reads and writes straight through to the API server.
	Client client.Client
	// Scheme knows Kubernetes' kinds and Orderplane's.
	Scheme *runtime.Scheme
	// ControlPlane is what runs: restart it, stop it, add API servers and users.
	ControlPlane *devcluster.ControlPlane

	rolesOnce sync.Once
	rolesErr  error
}

// Start runs a control plane until the test, or the ginkgo suite, is over.
func Start(t TB) *Env {
	t.Helper()
	return StartWith(t, devcluster.Options{UnsafeNoFsync: true})
}

// StartWith is Start with options of the caller's, such as further API server arguments.
func StartWith(t TB, opts devcluster.Options) *Env {
	t.Helper()
	env, err := start(opts)
	if err != nil {
		t.Fatalf("start the test environment: %v", err)
	}
	t.Cleanup(func() {
		if err := env.ControlPlane.Stop(); err != nil {
			t.Errorf("stop the test environment: %v", err)
		}
	})
	return env
}

// Run is for TestMain: it starts a control plane, hands it over, runs the tests
// and gives the exit code.
//
//	func TestMain(m *testing.M) { os.Exit(testenv.Run(m, func(e *testenv.Env) { env = e })) }
func Run(m *testing.M, use func(*Env)) int {
	env, err := start(devcluster.Options{UnsafeNoFsync: true})
	if err != nil {
		fmt.Fprintf(os.Stderr, "start the test environment: %v\n", err)
		return 1
	}
	use(env)
	code := m.Run()
	if err := env.ControlPlane.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "stop the test environment: %v\n", err)
		return 1
	}
	return code
}

func start(opts devcluster.Options) (*Env, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := cachedclient.DisableWatchList(); err != nil { // as the programs do
		return nil, err
	}
	scheme, err := kinds.Scheme()
	if err != nil {
		return nil, err
	}
	cp, err := devcluster.Start(ctx, opts)
	if err != nil {
		return nil, err
	}
	env := &Env{Config: cp.Config(), Scheme: scheme, ControlPlane: cp}
	if err := env.prepare(); err != nil {
		_ = cp.Stop()
		return nil, err
	}
	return env, nil
}

func (e *Env) prepare() error {
	if err := devcluster.InstallCRDs(e.Config); err != nil {
		return err
	}
	c, err := client.New(e.Config, client.Options{Scheme: e.Scheme})
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	e.Client = c
	return nil
}

// Namespace makes a namespace for one test and gives its name. It is never
// deleted: the control plane goes with the test binary.
func (e *Env) Namespace(t TB) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := e.Client.Create(context.Background(), ns); err != nil {
		t.Fatalf("create a namespace: %v", err)
	}
	return ns.Name
}

// As is a client of a user of that name and groups, who may do what RBAC grants.
func (e *Env) As(t TB, name string, groups ...string) client.Client {
	t.Helper()
	cfg, err := e.ControlPlane.AddUser(name, groups...)
	if err != nil {
		t.Fatalf("add user %s: %v", name, err)
	}
	c, err := client.New(cfg, client.Options{Scheme: e.Scheme})
	if err != nil {
		t.Fatalf("make a client for %s: %v", name, err)
	}
	return c
}
