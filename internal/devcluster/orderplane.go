package devcluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/kube/manifests"
)

// SystemNamespace is where Orderplane itself lives in a cluster: its service
// accounts, its lease, its certificate.
const SystemNamespace = "ops-system"

// InstallOptions say how Orderplane is put on a control plane.
type InstallOptions struct {
	// Executable is Orderplane's binary, for its components.
	Executable string
	// Dir receives the components' kubeconfigs.
	Dir string
	// Namespace of the orders, and of the kubeconfigs.
	Namespace string
	// WebhookPort is where the API server calls the manager: no Service leads to it.
	WebhookPort int
	// Admission gives the manifests by which the API server calls the manager's
	// webhooks at an URL.
	Admission func(url string) ([]*unstructured.Unstructured, error)
	// Also are objects that are applied besides Orderplane's own.
	Also []*unstructured.Unstructured
	// StartTimeout bounds the start of each component.
	StartTimeout time.Duration
	// Env is the environment of the components; this process' own when nil.
	Env []string
}

// Orderplane is what was installed on a control plane. Its components are to be
// started.
type Orderplane struct {
	cp   *ControlPlane
	opts InstallOptions
}

// InstallOrderplane puts on the control plane what an installation has, as the product
// ships it: CRDs, namespaces, roles, priorities, admission.
func (cp *ControlPlane) InstallOrderplane(ctx context.Context, o InstallOptions) (*Orderplane, error) {
	admission, err := o.Admission(loopback("https", o.WebhookPort))
	if err != nil {
		return nil, fmt.Errorf("admission manifests: %w", err)
	}
	if err := InstallPlatform(ctx, cp.admin, o.Namespace, slices.Concat(o.Also, admission)...); err != nil {
		return nil, err
	}
	return &Orderplane{cp: cp, opts: o}, nil
}

// InstallPlatform puts on any cluster what Orderplane's components need: CRDs, their namespace and that of the
// orders, roles, priorities; and further objects.
func InstallPlatform(ctx context.Context, cfg *rest.Config, namespace string, also ...*unstructured.Unstructured) error {
	if err := InstallCRDs(cfg); err != nil {
		return err
	}
	platform, err := manifests.Files(config.Manifests, "rbac/*.yaml", "mirror/access.yaml", "flowcontrol/*.yaml")
	if err != nil {
		return err
	}
	namespaces := []*unstructured.Unstructured{NewNamespace(SystemNamespace), NewNamespace(namespace)}
	return Apply(ctx, cfg, slices.Concat(namespaces, platform, also)...)
}

// Manager is the component that decides: it serves health at a port and the webhooks
// where the API server was told to call them. It is ready when it leads.
func (o *Orderplane) Manager(port int, args ...string) (*Component, error) {
	args = append([]string{
		"--system-namespace=" + SystemNamespace,
		fmt.Sprintf("--webhook-port=%d", o.opts.WebhookPort), "--webhook-names=" + Host,
	}, args...)
	return o.component("manager", port, func(ctx context.Context) error {
		return leads(ctx, loopback("http", port)+"/health")
	}, args)
}

// Gateway is the component that serves REST at a port, to who brings tokens signed with
// the key of a file.
func (o *Orderplane) Gateway(port int, publicKeyFile string, args ...string) (*Component, error) {
	args = append([]string{"--namespace=" + o.opts.Namespace, "--jwt-public-key=" + publicKeyFile, "--shutdown-delay=0s"}, args...)
	return o.component("gateway", port, func(ctx context.Context) error {
		return answers(ctx, http.DefaultClient, loopback("http", port)+"/actuator/health")
	}, args)
}

// Mirror is the component that tells databases and topics what happens; its environment
// says where they are. It is ready once it has read the cluster.
func (o *Orderplane) Mirror(port int, args ...string) (*Component, error) {
	return o.component("mirror", port, func(ctx context.Context) error {
		return answers(ctx, http.DefaultClient, loopback("http", port)+"/readyz")
	}, append([]string{"--namespace=" + o.opts.Namespace}, args...))
}

// Notifier is the component that tells customers what happens to their orders; its environment says where databases,
// brokers and providers are. It has no access to the cluster. It is ready once it serves.
func (o *Orderplane) Notifier(port int, args ...string) *Component {
	return o.process("notifier", port, func(ctx context.Context) error {
		return answers(ctx, http.DefaultClient, loopback("http", port)+"/readyz")
	}, nil, args)
}

// component prepares a subcommand of the binary that talks to the API server.
func (o *Orderplane) component(name string, port int, ready func(context.Context) error, args []string) (*Component, error) {
	account, groups := componentUser(name)
	user, err := o.cp.AddUser(account, groups...)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(o.opts.Dir, "kubeconfig-"+name)
	if err := WriteKubeconfig(kubeconfig, user, o.opts.Namespace); err != nil {
		return nil, err
	}
	return o.process(name, port, ready, []string{"KUBECONFIG=" + kubeconfig}, args), nil
}

// process prepares a subcommand of the binary that serves at a port, with more in its environment.
func (o *Orderplane) process(name string, port int, ready func(context.Context) error, more, args []string) *Component {
	env := o.opts.Env
	if env == nil {
		env = os.Environ()
	}
	args = append([]string{name, "--bind-address=" + Host, fmt.Sprintf("--http-port=%d", port)}, args...)
	return &Component{
		name:    name,
		path:    o.opts.Executable,
		args:    func() []string { return args },
		env:     append(slices.Clone(env), more...),
		logFile: filepath.Join(o.cp.opts.LogDir, name+".log"),
		ready:   ready,
		timeout: o.opts.StartTimeout,
	}
}
