package performance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/devcluster"
)

const (
	// systemNamespace is where the roles' service accounts are.
	systemNamespace = "ops-system"
	// ordersNamespace is what the system under test works on.
	ordersNamespace = "bench"
	// rawNamespace is where the raw writer writes: nobody watches it.
	rawNamespace = "raw"
	// loaderName is the user all load comes from; RBAC and priority and fairness
	// treat it as they treat any other.
	loaderName = "orderplane-bench"
)

// stageOptions say what a stage is made of.
type stageOptions struct {
	assets     string // folder of etcd and kube-apiserver; looked for when empty
	executable string // the orderplane binary
	dir        string // logs and kubeconfigs
	fsync      bool
	untracked  bool // with config/untracked
	products   int
	admission  func(url string) ([]*unstructured.Unstructured, error)
}

// stage is a control plane with Orderplane on it.
type stage struct {
	opts  stageOptions
	cp    *devcluster.ControlPlane
	admin *rest.Config

	loader  *client
	watcher *client // the watch's own connection: load must not delay what is measured
	manager *role
	gateway *role
	keys    *signer
	numbers counter // of all orders ever placed here
	// webhookPort stays the same when the manager is started again: the API server knows it.
	webhookPort int
}

func newStage(ctx context.Context, o stageOptions) (_ *stage, err error) {
	if err := os.MkdirAll(o.dir, 0o750); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	cp, err := devcluster.Start(ctx, devcluster.Options{AssetsDir: o.assets, LogDir: o.dir, UnsafeNoFsync: !o.fsync})
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	s := &stage{opts: o, cp: cp, admin: cp.Config()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := s.furnish(ctx); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	return s, nil
}

// furnish brings a fresh control plane to where the manager can be started.
func (s *stage) furnish(ctx context.Context) error {
	if err := s.cp.InstallCRDs(ctx); err != nil {
		return err
	}
	user, err := s.cp.AddUser(loaderName)
	if err != nil {
		return err
	}
	user.UserAgent = loaderName
	user.DisableCompression = true // or the API server packs the watch that is our measuring tape
	if s.loader, err = newClient(user); err != nil {
		return err
	}
	own := rest.CopyConfig(user)
	// client-go shares one connection among clients of one user unless they have
	// something of their own.
	own.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	if s.watcher, err = newClient(own); err != nil {
		return err
	}
	if s.keys, err = newSigner(s.opts.dir); err != nil {
		return err
	}
	if err := s.applyManifests(ctx); err != nil {
		return err
	}
	return s.createItems(ctx)
}

const loaderRole = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: orderplane-bench}
rules:
- {apiGroups: [orderplane.dev], resources: ["*"], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: orderplane-bench}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: orderplane-bench}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: ` + loaderName + `}
`

// applyManifests puts everything an installation has, as the product ships it,
// and the loader's role.
func (s *stage) applyManifests(ctx context.Context) error {
	var stream strings.Builder
	for _, ns := range []string{systemNamespace, ordersNamespace, rawNamespace} {
		stream.WriteString("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: " + ns + "}\n")
	}
	stream.WriteString(loaderRole)
	patterns := []string{"rbac/*.yaml", "flowcontrol/*.yaml"}
	if s.opts.untracked {
		patterns = append(patterns, "untracked/*.yaml")
	}
	for _, pattern := range patterns {
		if err := appendEmbedded(&stream, pattern); err != nil {
			return err
		}
	}
	if err := s.appendAdmission(&stream); err != nil {
		return err
	}
	kubeconfig := filepath.Join(s.opts.dir, "kubeconfig-admin")
	if err := writeKubeconfig(kubeconfig, s.admin); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.cp.Kubectl(), "--kubeconfig", kubeconfig,
		"apply", "--server-side", "--force-conflicts", "--field-manager=orderplane-bench", "-f", "-")
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stream.String()), &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apply the manifests: %w: %s", err, complaint.String())
	}
	return nil
}

func appendEmbedded(stream *strings.Builder, pattern string) error {
	files, err := fs.Glob(config.Manifests, pattern)
	if err != nil {
		return fmt.Errorf("list the embedded manifests: %w", err)
	}
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		data, err := config.Manifests.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read embedded %s: %w", file, err)
		}
		stream.WriteString("---\n")
		stream.Write(data)
	}
	return nil
}

func (s *stage) appendAdmission(stream *strings.Builder) (err error) {
	if s.webhookPort, err = devcluster.FreePort(); err != nil {
		return err
	}
	objects, err := s.opts.admission(fmt.Sprintf("https://%s:%d", host, s.webhookPort))
	if err != nil {
		return fmt.Errorf("admission manifests: %w", err)
	}
	for _, o := range objects {
		data, err := json.Marshal(o.Object)
		if err != nil {
			return fmt.Errorf("admission manifests: %w", err)
		}
		stream.WriteString("---\n")
		stream.Write(append(data, '\n'))
	}
	return nil
}

func (s *stage) createItems(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for n := range s.opts.products {
		g.Go(func() error {
			body, err := json.Marshal(newItem(ordersNamespace, n))
			if err != nil {
				return fmt.Errorf("encode an item: %w", err)
			}
			_, err = s.loader.write(ctx, http.MethodPost, resourcePath(ordersNamespace, "stockitems"), body)
			return err
		})
	}
	return g.Wait()
}

func writeKubeconfig(file string, cfg *rest.Config) error {
	data, err := devcluster.Kubeconfig(cfg, ordersNamespace)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// pids of everything that runs, the load generator included.
func (s *stage) pids() map[string]int {
	pids := map[string]int{"bench": os.Getpid()}
	if p := s.cp.Etcd(); p != nil {
		pids["etcd"] = p.PID()
	}
	if p := s.cp.APIServer().Process(); p != nil {
		pids["kube-apiserver"] = p.PID()
	}
	if s.manager != nil {
		pids["manager"] = s.manager.PID()
	}
	if s.gateway != nil {
		pids["gateway"] = s.gateway.PID()
	}
	return pids
}

const (
	quietLook = 500 * time.Millisecond
	// quietLooks in a row must be quiet: for two seconds after its last decision the
	// manager writes so few projections that it looks as if it were at rest.
	quietLooks = 8
	// quietLimit bounds what is only a wait for the projections of 1,000 items,
	// or for a large heap to be collected.
	quietLimit = 2 * time.Minute
)

// restLimit is how much CPU a process uses at most within a look when it is at
// rest: 2 % of a core, 15 % for the API server, which has its own clocks.
func restLimit(process string) time.Duration {
	switch process {
	case "manager":
		return quietLook * 2 / 100
	case "kube-apiserver":
		return quietLook * 15 / 100
	default:
		return quietLook
	}
}

// quiet waits until everything that runs has caught up: the lazy projections and
// the collection of garbage that follow a round must not fall into the next one.
func (s *stage) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quietLimit)
	defer cancel()
	before, err := cpuTimesOf(s.pids())
	for still := 0; err == nil && still < quietLooks; {
		if !pause(ctx, quietLook) {
			return fmt.Errorf("wait for the machine to come to rest: %w", ctx.Err())
		}
		var now cpuTimes
		now, err = cpuTimesOf(s.pids())
		still++
		for process, used := range now.since(before) {
			if used > restLimit(process) {
				still = 0
			}
		}
		before = now
	}
	return err
}

// pause waits, unless ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stop ends everything.
func (s *stage) stop() error {
	var errs []error
	for _, r := range []*role{s.gateway, s.manager} {
		if r != nil {
			errs = append(errs, r.stop())
		}
	}
	return errors.Join(append(errs, s.cp.Stop())...)
}
