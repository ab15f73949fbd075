package performance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/kube/manifests"
)

const (
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
	mirrored   bool // with Postgres, Kafka, Redis and the mirror
	products   int
	admission  func(url string) ([]*unstructured.Unstructured, error)
}

// stage is a control plane with Orderplane on it.
type stage struct {
	opts       stageOptions
	cp         *devcluster.ControlPlane
	orderplane *devcluster.Orderplane

	admin   *client
	loader  *client
	watcher *client // the watch's own connection: load must not delay what is measured
	// services are nil on a stage that is not mirrored.
	services *services
	// topics are what a consumer sees; nil while there is no mirror.
	topics *listener
	// manager, gateway and mirror are nil while they don't run.
	manager, gateway, mirror *component
	keys                     *signer
	numbers                  counter // of all orders ever submitted here
}

func newStage(ctx context.Context, o stageOptions) (_ *stage, err error) {
	if err := os.MkdirAll(o.dir, 0o750); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	s := &stage{opts: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if o.mirrored {
		if s.services, err = startServices(ctx, o.dir, o.fsync); err != nil {
			return nil, fmt.Errorf("stage: %w", err)
		}
	}
	s.cp, err = devcluster.Start(ctx, devcluster.Options{AssetsDir: o.assets, LogDir: o.dir, UnsafeNoFsync: !o.fsync})
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	if err := s.furnish(ctx); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	return s, nil
}

// furnish brings a fresh control plane to where the manager can be started.
func (s *stage) furnish(ctx context.Context) (err error) {
	if err := s.install(ctx); err != nil {
		return err
	}
	if s.admin, err = newClient(s.cp.Config()); err != nil {
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
	return s.createItems(ctx)
}

const loaderRole = `
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

// install puts Orderplane on the control plane, and what the load needs besides.
func (s *stage) install(ctx context.Context) error {
	also, err := manifests.Parse([]byte(loaderRole))
	if err != nil {
		return fmt.Errorf("the loader's role: %w", err)
	}
	also = append(also, devcluster.NewNamespace(rawNamespace))
	if s.opts.untracked {
		untracked, err := manifests.Files(config.Manifests, "untracked/*.yaml")
		if err != nil {
			return err
		}
		also = append(also, untracked...)
	}
	port, err := devcluster.FreePort()
	if err != nil {
		return err
	}
	var env []string
	if s.services != nil {
		env = s.services.environment()
	}
	s.orderplane, err = s.cp.InstallOrderplane(ctx, devcluster.InstallOptions{
		Executable: s.opts.executable, Dir: s.opts.dir, Namespace: ordersNamespace, Env: env,
		WebhookPort: port, Admission: s.opts.admission, Also: also, StartTimeout: readyWithin,
	})
	return err
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

// items are the products there are.
func (s *stage) items(ctx context.Context) ([]storedItem, error) {
	var list v1alpha1.StockItemList
	if err := s.loader.get(ctx, resourcePath(ordersNamespace, "stockitems"), &list); err != nil {
		return nil, fmt.Errorf("list the items: %w", err)
	}
	var items []storedItem
	for i := range list.Items {
		items = append(items, storedItem{name: list.Items[i].Name, uid: string(list.Items[i].UID)})
	}
	return items, nil
}

// journalSeq is the number of the last stock decision.
func (s *stage) journalSeq(ctx context.Context) (int64, error) {
	var journal v1alpha1.StockJournal
	err := s.loader.get(ctx, resourcePath(ordersNamespace, "stockjournals")+"/"+v1alpha1.StockJournalName, &journal)
	return journal.Status.Seq, err
}

// components are Orderplane's that run.
func (s *stage) components() []*component {
	return slices.DeleteFunc([]*component{s.mirror, s.gateway, s.manager}, func(c *component) bool { return c == nil })
}

// pids of everything that runs, the load generator included.
func (s *stage) pids() map[string]int {
	pids := map[string]int{"bench": os.Getpid()}
	running := []*devcluster.Component{s.cp.Etcd(), s.cp.APIServer().Component}
	for _, c := range s.components() {
		running = append(running, c.Component)
	}
	for _, c := range running {
		if p := c.Process(); p != nil {
			pids[c.Name()] = p.PID()
		}
	}
	if s.services != nil {
		maps.Copy(pids, s.services.pids())
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
	quietLimit = 5 * time.Minute
)

// restLimit is how much CPU a process uses at most within a look when it is at
// rest: 2 % of a core, 5 % for the mirror, 15 % for the API server, which has its own clocks.
func restLimit(process string) time.Duration {
	switch process {
	case "manager":
		return quietLook * 2 / 100
	case "mirror": // it asks its databases all the time whether it still leads
		return quietLook * 5 / 100
	case "kube-apiserver":
		return quietLook * 15 / 100
	default:
		return quietLook
	}
}

// quiet waits until everything that runs has caught up: the lazy projections and
// the collection of garbage that follow a measurement must not fall into the next one.
func (s *stage) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quietLimit)
	defer cancel()
	before, err := cpuTimesOf(s.pids())
	busy := ""
	for still := 0; err == nil && still < quietLooks; {
		if !pause(ctx, quietLook) {
			return fmt.Errorf("wait for the machine to come to rest, last for %s: %w", busy, ctx.Err())
		}
		var now cpuTimes
		now, err = cpuTimesOf(s.pids())
		still++
		for process, used := range now.since(before) {
			if used > restLimit(process) {
				still, busy = 0, process
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
	for _, c := range s.components() {
		errs = append(errs, c.Stop())
	}
	if s.topics != nil {
		s.topics.close()
	}
	if s.cp != nil {
		errs = append(errs, s.cp.Stop())
	}
	if s.services != nil {
		errs = append(errs, s.services.stop())
	}
	return errors.Join(errs...)
}
