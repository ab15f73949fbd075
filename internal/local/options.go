package local

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// Options say how the stack is run.
type Options struct {
	// Dir keeps data, keys, logs and the env file; relative to the working directory.
	Dir string
	// Namespace of the orders, and of the kubeconfig that is written.
	Namespace string
	// Executable is Orderplane's binary, for the components.
	Executable string
	// Ports of the components; 0 takes any free one.
	Ports Ports
	// Admission gives the manifests by which the API server calls the manager's
	// webhooks at an URL.
	Admission func(url string) ([]*unstructured.Unstructured, error)
	// Mirror runs the mirror and the notifier, and the Postgres and Kafka that they need.
	Mirror bool
	// Environ is the environment, as os.Environ gives it: it may name a Postgres, a Kafka or a
	// Redis to use. The components are run with it.
	Environ []string
	// Out receives what the stack tells its user.
	Out io.Writer
}

// Ports are the loopback ports of the components.
type Ports struct {
	// Gateway serves the REST API.
	Gateway int
	// Manager and Inventory serve /health, and ManagerMetrics serves /metrics.
	Manager, Inventory, ManagerMetrics int
	// Webhook is where the API server calls the manager.
	Webhook int
	// Mirror serves the mirror's /health and /metrics.
	Mirror int
	// Notifier serves the notifier's /actuator/health and /metrics.
	Notifier int
}

// named gives each port with the environment variable that sets it.
func (p *Ports) named() []namedPort {
	return []namedPort{
		{"gateway", "HTTP_PORT", &p.Gateway},
		{"manager", "MANAGER_PORT", &p.Manager},
		{"inventory's health", "INVENTORY_PORT", &p.Inventory},
		{"manager's metrics", "MANAGER_METRICS_PORT", &p.ManagerMetrics},
		{"manager's webhooks", "WEBHOOK_PORT", &p.Webhook},
		{"mirror", "MIRROR_PORT", &p.Mirror},
		{"notifier", "NOTIFIER_PORT", &p.Notifier},
	}
}

type namedPort struct {
	what, env string
	port      *int
}

// Validate refuses what can't work.
func (o Options) Validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("dir: empty; name the folder that keeps the stack's data"))
	}
	if o.Executable == "" {
		errs = append(errs, errors.New("executable: empty; name Orderplane's binary"))
	}
	if o.Admission == nil {
		errs = append(errs, errors.New("admission: nil; give the manifests of the webhooks"))
	}
	if o.Out == nil {
		errs = append(errs, errors.New("out: nil; give a writer"))
	}
	for _, problem := range validation.IsDNS1123Label(o.Namespace) {
		errs = append(errs, fmt.Errorf("namespace %q (ORDERS_NAMESPACE): %s", o.Namespace, problem))
	}
	taken := map[int]string{}
	for _, p := range o.Ports.named() {
		switch other := taken[*p.port]; {
		case *p.port < 0 || *p.port > 65535:
			errs = append(errs, fmt.Errorf("port of the %s (%s): %d is no port", p.what, p.env, *p.port))
		case *p.port != 0 && other != "":
			errs = append(errs, fmt.Errorf("port of the %s (%s): %d is also the %s's", p.what, p.env, *p.port, other))
		}
		taken[*p.port] = p.what
	}
	return errors.Join(errs...)
}

// complete finds the ports that were left open, and sees that the others are free.
func (p Ports) complete() (Ports, error) {
	for _, n := range p.named() {
		if *n.port != 0 {
			if err := portIsFree(*n.port); err != nil {
				return p, fmt.Errorf("port %d of the %s is in use: stop what listens there, or choose another with %s=PORT: %w",
					*n.port, n.what, n.env, err)
			}
			continue
		}
		port, err := devcluster.FreePort()
		if err != nil {
			return p, err
		}
		*n.port = port
	}
	return p, nil
}

func portIsFree(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(devcluster.Host, strconv.Itoa(port))) //nolint:noctx // returns at once
	if err != nil {
		return err
	}
	return l.Close()
}

func (o Options) path(elem ...string) string {
	return filepath.Join(append([]string{o.Dir}, elem...)...)
}
