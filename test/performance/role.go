package performance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/kube/health"
)

const host = "127.0.0.1"

// readyWithin bounds the start of a role: with 100,000 live orders it reads for a while.
const readyWithin = 3 * time.Minute

// role is a running role of the product: its own binary as a process.
type role struct {
	*devcluster.Process
	port  int
	pprof int
	log   *os.File
}

func (r *role) url(path string) string { return fmt.Sprintf("http://%s:%d%s", host, r.port, path) }
func (r *role) profileURL(path string) string {
	return fmt.Sprintf("http://%s:%d/debug/pprof/%s", host, r.pprof, path)
}

func (r *role) stop() error {
	return errors.Join(r.Stop(context.Background()), r.log.Close())
}

// startManager starts the manager under the RBAC of its service account. It
// does not wait; awaitLeader does.
func (s *stage) startManager() error {
	r, err := s.startRole("manager",
		"--namespaces="+ordersNamespace, "--system-namespace="+systemNamespace, "--metrics-bind-address=0", "--inventory-port=0",
		fmt.Sprintf("--webhook-port=%d", s.webhookPort), "--webhook-names="+host)
	if err != nil {
		return err
	}
	s.manager = r
	return nil
}

func (s *stage) stopManager() error {
	if s.manager == nil {
		return nil
	}
	err := s.manager.stop()
	s.manager = nil
	return err
}

func (s *stage) awaitLeader(ctx context.Context) error {
	return awaitRole(ctx, "manager", s.manager, func(body []byte) error {
		var report health.Report
		if err := json.Unmarshal(body, &report); err != nil {
			return err
		}
		if report.Components[health.Leadership].Detail != health.Leader {
			return errors.New("not the leader yet")
		}
		return nil
	}, "/health")
}

// awaitAdmission waits until the manager has told the API server its certificate.
func (s *stage) awaitAdmission(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	admin, err := newClient(s.admin)
	if err != nil {
		return err
	}
	for {
		var configuration struct {
			Webhooks []struct {
				ClientConfig struct {
					CABundle []byte `json:"caBundle"`
				} `json:"clientConfig"`
			} `json:"webhooks"`
		}
		err := admin.get(ctx, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/orderplane", &configuration)
		if err != nil {
			return err
		}
		if len(configuration.Webhooks) > 0 && len(configuration.Webhooks[0].ClientConfig.CABundle) > 0 {
			return nil
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("the webhooks have no certificate: %w", ctx.Err())
		}
	}
}

// startGateway starts the gateway without a limit of requests: every request
// here comes from one address.
func (s *stage) startGateway(ctx context.Context) error {
	r, err := s.startRole("gateway",
		"--namespace="+ordersNamespace, "--jwt-public-key="+s.keys.publicFile, "--rate-limit-per-minute=0")
	if err != nil {
		return err
	}
	s.gateway = r
	return awaitRole(ctx, "gateway", r, func([]byte) error { return nil }, "/actuator/health")
}

func (s *stage) startRole(name string, args ...string) (*role, error) {
	user, err := s.cp.AddUser("system:serviceaccount:"+systemNamespace+":orderplane-"+name,
		"system:serviceaccounts", "system:serviceaccounts:"+systemNamespace)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(s.opts.dir, "kubeconfig-"+name)
	if err := writeKubeconfig(kubeconfig, user); err != nil {
		return nil, err
	}
	r := &role{}
	for _, port := range []*int{&r.port, &r.pprof} {
		if *port, err = devcluster.FreePort(); err != nil {
			return nil, err
		}
	}
	r.log, err = os.OpenFile(filepath.Join(s.opts.dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", name, err)
	}
	args = append([]string{
		name, "--bind-address=" + host, fmt.Sprintf("--http-port=%d", r.port),
		fmt.Sprintf("--pprof-bind-address=%s:%d", host, r.pprof),
	}, args...)
	r.Process, err = devcluster.StartProcess(name, devcluster.Command{
		Path: s.opts.executable, Args: args, Env: append(os.Environ(), "KUBECONFIG="+kubeconfig), Log: r.log,
	})
	if err != nil {
		return nil, errors.Join(err, r.log.Close())
	}
	return r, nil
}

// awaitRole asks a role for its health until it is as wanted.
func awaitRole(ctx context.Context, name string, r *role, wanted func([]byte) error, path string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		body, err := fetch(ctx, r.url(path))
		if err == nil {
			err = wanted(body)
		}
		if err == nil {
			return nil
		}
		select {
		case <-r.Exited():
			return fmt.Errorf("%s ended at once (%w): %s says why", name, r.Err(), r.log.Name())
		default:
		}
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("%s is not ready (%w): %s says why", name, err, r.log.Name())
		}
	}
}

// fetch reads an URL that answers 200.
func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d", url, resp.StatusCode)
	}
	return body, nil
}
