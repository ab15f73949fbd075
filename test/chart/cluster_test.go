package chart_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devcluster"
)

const (
	system = "ops-system"
	orders = "default"
	// within is generous: other tests may be using the machine.
	within = time.Minute
)

// cluster is a real API server, as a release meets it. It reaches the cluster's services by a proxy that
// leads to whoever stands for a pod on this machine.
type cluster struct {
	*devcluster.ControlPlane
	client.Client
	dir, kubeconfig, audit string
	warnings               warnings
	mu                     sync.Mutex
	pods                   map[string]*pod // by component
}

// startCluster runs an API server that keeps an audit log, with the namespace of a release.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{dir: dir, kubeconfig: filepath.Join(dir, "kubeconfig"), audit: filepath.Join(dir, "audit.log"), pods: map[string]*pod{}}
	c.serveProxy(t, filepath.Join(dir, "s"))
	write(t, filepath.Join(dir, "egress.yaml"), `
apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
  - name: cluster
    connection:
      proxyProtocol: HTTPConnect
      transport: {uds: {udsName: "`+filepath.Join(dir, "s")+`"}}
`)
	write(t, filepath.Join(dir, "audit.yaml"), `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`)
	ctx, cancel := context.WithTimeout(t.Context(), 2*within)
	defer cancel()
	var err error
	c.ControlPlane, err = devcluster.Start(ctx, devcluster.Options{UnsafeNoFsync: true, APIServerArgs: []string{
		"--egress-selector-config-file=" + filepath.Join(dir, "egress.yaml"),
		"--audit-policy-file=" + filepath.Join(dir, "audit.yaml"), "--audit-log-path=" + c.audit,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.ControlPlane.Stop(); err != nil {
			t.Error(err)
		}
	})
	c.connect(t)
	return c
}

func (c *cluster) connect(t *testing.T) {
	t.Helper()
	log.SetLogger(logr.Discard())
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	cfg := c.Config()
	cfg.WarningHandler = &c.warnings
	var err error
	if c.Client, err = client.New(cfg, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	if err := devcluster.WriteKubeconfig(c.kubeconfig, cfg, orders); err != nil {
		t.Fatal(err)
	}
	c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system, Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
	}}})
}

func (c *cluster) create(t *testing.T, o client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatalf("create %T %s: %v", o, o.GetName(), err)
	}
}

func (c *cluster) get(t *testing.T, namespace, name string, o client.Object) {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		t.Fatalf("get %T %s: %v", o, name, err)
	}
}

// scale is what an autoscaler does.
func (c *cluster) scale(t *testing.T, name string, replicas int32) {
	t.Helper()
	var d appsv1.Deployment
	c.get(t, system, name, &d)
	to := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	if err := c.SubResource("scale").Update(t.Context(), &d, client.WithSubResourceBody(to), client.FieldOwner("kube-controller-manager")); err != nil {
		t.Fatalf("scale %s: %v", name, err)
	}
}

// refusals are the requests of Orderplane's accounts that the API server refused for want of rights.
func (c *cluster) refusals(t *testing.T) []string {
	t.Helper()
	file, err := os.Open(c.audit)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // it is only read
	var found []string
	lines, requests := bufio.NewScanner(file), 0
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Verb, RequestURI string
			User             struct{ Username string }
			ResponseStatus   struct{ Code int }
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			continue // the line that is being written
		}
		if strings.HasPrefix(e.User.Username, "system:serviceaccount:"+system+":") {
			requests++
			if e.ResponseStatus.Code == 403 {
				found = append(found, fmt.Sprintf("%s may not %s %s", e.User.Username, e.Verb, e.RequestURI))
			}
		}
	}
	if requests == 0 {
		t.Error("no account of Orderplane's asked the API server anything")
	}
	return found
}

// warnings are what the API server warned of.
type warnings struct {
	mu   sync.Mutex
	said []string
}

var _ rest.WarningHandler = &warnings{}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

// take are the warnings since it was called last.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventually asks until nothing is wrong, and says what is when the time is over.
func eventually(t *testing.T, what string, wrong func() string) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		fault := wrong()
		if fault == "" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: %s", what, fault)
		}
	}
}
