package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/devcluster"
)

// systemNamespace is where Orderplane itself lives in a cluster: its service
// accounts and its leases.
const systemNamespace = "ops-system"

// cluster is the control plane with everything Orderplane needs on it.
type cluster struct {
	opts Options

	cp      *devcluster.ControlPlane
	cancel  context.CancelFunc
	watches sync.WaitGroup
}

// clusterPorts are kept so that a kubeconfig copied elsewhere stays good.
type clusterPorts struct {
	Etcd      int `json:"etcd"`
	APIServer int `json:"apiServer"`
}

func (c *cluster) name() string { return "control plane" }

func (c *cluster) start(ctx context.Context) error {
	if err := c.startControlPlane(ctx); err != nil {
		return err
	}
	if err := c.cp.InstallCRDs(ctx); err != nil {
		return err
	}
	if err := c.writeKubeconfigs(); err != nil {
		return err
	}
	if err := c.applyManifests(ctx); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	c.watches.Go(func() { c.keepRunning(background, "etcd", c.cp.Etcd, c.cp.RestartEtcd) })
	c.watches.Go(func() {
		c.keepRunning(background, "kube-apiserver", c.cp.APIServer().Process, c.cp.RestartAPIServer)
	})
	return nil
}

func (c *cluster) startControlPlane(ctx context.Context) error {
	ports := c.lastPorts()
	cp, err := devcluster.Start(ctx, devcluster.Options{
		DataDir:       c.opts.path("cluster"),
		LogDir:        c.opts.path("log"),
		EtcdPort:      ports.Etcd,
		APIServerPort: ports.APIServer,
	})
	if err != nil {
		return err
	}
	c.cp = cp
	ports.Etcd, ports.APIServer = cp.Ports()
	data, err := json.Marshal(ports)
	if err != nil {
		return fmt.Errorf("remember the control plane's ports: %w", err)
	}
	if err := os.WriteFile(c.portsFile(), data, 0o600); err != nil {
		return fmt.Errorf("remember the control plane's ports: %w", err)
	}
	return nil
}

func (c *cluster) portsFile() string { return c.opts.path("ports.json") }

// lastPorts are the ports of the run before; 0, for any free one, where
// somebody else has taken them since.
func (c *cluster) lastPorts() clusterPorts {
	var ports clusterPorts
	data, err := os.ReadFile(c.portsFile())
	if err != nil || json.Unmarshal(data, &ports) != nil {
		return clusterPorts{}
	}
	for _, port := range []*int{&ports.Etcd, &ports.APIServer} {
		if portIsFree(*port) != nil {
			*port = 0
		}
	}
	return ports
}

// serviceAccount is the name under which RBAC knows a role of Orderplane's. The
// local roles bring a certificate of that name where in a cluster they would
// bring a token, so the same bindings hold.
func serviceAccount(role string) (user string, groups []string) {
	return "system:serviceaccount:" + systemNamespace + ":orderplane-" + role,
		[]string{"system:serviceaccounts", "system:serviceaccounts:" + systemNamespace}
}

func (c *cluster) kubeconfigFile(role string) string { return c.opts.path("kubeconfig-" + role) }

func (c *cluster) adminKubeconfigFile() string { return c.opts.path("kubeconfig") }

func (c *cluster) writeKubeconfigs() error {
	if err := c.writeKubeconfig(c.adminKubeconfigFile(), c.cp.Config()); err != nil {
		return err
	}
	for _, role := range []string{"manager", "gateway"} {
		user, groups := serviceAccount(role)
		cfg, err := c.cp.AddUser(user, groups...)
		if err != nil {
			return err
		}
		if err := c.writeKubeconfig(c.kubeconfigFile(role), cfg); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) writeKubeconfig(file string, cfg *rest.Config) error {
	data, err := devcluster.Kubeconfig(cfg, c.opts.Namespace)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// applyManifests puts namespaces, roles, priorities and, into a namespace without any stock,
// the sample stock.
func (c *cluster) applyManifests(ctx context.Context) error {
	if err := c.kubectl(ctx, namespaceManifest(systemNamespace)+namespaceManifest(c.opts.Namespace), nil,
		"apply", "--server-side", "--field-manager=orderplane-local", "-f", "-"); err != nil {
		return err
	}
	platform, err := embedded("rbac/*.yaml", "flowcontrol/*.yaml")
	if err != nil {
		return err
	}
	admission, err := c.admission()
	if err != nil {
		return err
	}
	platform += admission
	if err := c.kubectl(ctx, platform, nil, "apply", "--server-side", "--force-conflicts", "--field-manager=orderplane-local", "-f", "-"); err != nil {
		return err
	}
	return c.seedStock(ctx)
}

// admission has the API server call the manager at its port: no Service leads to it.
func (c *cluster) admission() (string, error) {
	objects, err := c.opts.Admission(fmt.Sprintf("https://%s:%d", Host, c.opts.Ports.Webhook))
	if err != nil {
		return "", fmt.Errorf("admission manifests: %w", err)
	}
	var stream strings.Builder
	for _, o := range objects {
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			return "", fmt.Errorf("admission manifests: %w", err)
		}
		stream.WriteString("---\n")
		stream.Write(data)
	}
	return stream.String(), nil
}

// seedStock applies the sample stock as a person would, with plain `kubectl
// apply`, so that doing it again from the checkout changes nothing. Only where
// there is no stock yet: what a user made of it is theirs.
func (c *cluster) seedStock(ctx context.Context) error {
	var items bytes.Buffer
	if err := c.kubectl(ctx, "", &items, "get", "stockitems.orderplane.dev", "-o", "name"); err != nil {
		return err
	}
	if items.Len() > 0 {
		return nil
	}
	stock, err := embedded("samples/stock*.yaml")
	if err != nil {
		return err
	}
	return c.kubectl(ctx, stock, nil, "apply", "-f", "-")
}

func namespaceManifest(name string) string {
	return "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n"
}

// embedded joins manifests of the given patterns into one stream.
func embedded(patterns ...string) (string, error) {
	var files []string
	for _, pattern := range patterns {
		found, err := fs.Glob(config.Manifests, pattern)
		if err != nil {
			return "", fmt.Errorf("list embedded manifests: %w", err)
		}
		files = append(files, found...)
	}
	var stream strings.Builder
	for _, file := range files {
		if path.Base(file) == "kustomization.yaml" {
			continue
		}
		data, err := config.Manifests.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read embedded %s: %w", file, err)
		}
		stream.WriteString("---\n")
		stream.Write(data)
	}
	return stream.String(), nil
}

// kubectl runs the control plane's own kubectl as its administrator.
func (c *cluster) kubectl(ctx context.Context, stdin string, stdout io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, c.cp.Kubectl(), append([]string{"--kubeconfig", c.adminKubeconfigFile()}, args...)...)
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), stdout, &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return nil
}

// keepRunning restarts a process of the control plane that ended by itself.
func (c *cluster) keepRunning(ctx context.Context, name string, current func() *devcluster.Process, restart func(context.Context) error) {
	var delay time.Duration
	began := time.Now()
	for {
		how := errors.New("it did not start")
		if p := current(); p != nil {
			select {
			case <-p.Exited():
				how = fmt.Errorf("%w", p.Err())
			case <-ctx.Done():
				return
			}
		}
		delay = nextDelay(delay, time.Since(began))
		say(c.opts.Out, "%s ended (%v), starting it again in %s", name, how, delay)
		if !pause(ctx, delay) {
			return
		}
		began = time.Now()
		if err := restart(ctx); err != nil {
			say(c.opts.Out, "%v", err)
			continue
		}
		say(c.opts.Out, "%s is back", name)
	}
}

func (c *cluster) stop(context.Context) error {
	if c.cancel != nil {
		c.cancel()
	}
	c.watches.Wait()
	if c.cp == nil {
		return nil
	}
	return c.cp.Stop()
}
