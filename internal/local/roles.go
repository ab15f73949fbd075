package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/orderplane/orderplane/internal/kube/health"
)

func (s *stack) manager() *role {
	p := s.opts.Ports
	return s.role("manager", isLeader(url(p.Manager, "/health")), []string{
		"manager",
		fmt.Sprintf("--http-port=%d", p.Manager),
		fmt.Sprintf("--inventory-port=%d", p.Inventory),
		"--bind-address=" + Host,
		fmt.Sprintf("--metrics-bind-address=%s:%d", Host, p.ManagerMetrics),
		"--metrics-secure=false",
		"--system-namespace=" + systemNamespace,
		fmt.Sprintf("--webhook-port=%d", p.Webhook),
		"--webhook-names=" + Host,
		// A leader that was killed here is replaced in six seconds, not in fifteen.
		"--leader-election-lease-duration=6s",
		"--leader-election-renew-deadline=4s",
		"--leader-election-retry-period=1s",
	})
}

func (s *stack) gateway() *role {
	p := s.opts.Ports
	return s.role("gateway", isUp(url(p.Gateway, "/actuator/health")), []string{
		"gateway",
		fmt.Sprintf("--http-port=%d", p.Gateway),
		"--bind-address=" + Host,
		"--namespace=" + s.opts.Namespace,
		"--jwt-public-key=" + s.keys.publicFile,
	})
}

func (s *stack) role(name string, ready func(context.Context) error, args []string) *role {
	return &role{
		roleName:   name,
		executable: s.opts.Executable,
		args:       args,
		env:        append(os.Environ(), "KUBECONFIG="+s.cluster.kubeconfigFile(name)),
		logFile:    s.opts.path("log", name+".log"),
		ready:      ready,
		out:        s.opts.Out,
	}
}

func url(port int, path string) string { return fmt.Sprintf("http://%s:%d%s", Host, port, path) }

// isUp asks an URL for status 200.
func isUp(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := get(ctx, url)
		return err
	}
}

// isLeader asks a manager's health for more than being up: a standby is up too,
// and leaves every order where it is.
func isLeader(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		body, err := get(ctx, url)
		if err != nil {
			return err
		}
		var report health.Report
		if err := json.Unmarshal(body, &report); err != nil {
			return fmt.Errorf("read %s: %w", url, err)
		}
		if report.Components[health.Leadership].Detail != health.Leader {
			return errors.New("not the leader yet")
		}
		return nil
	}
}

func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return body, nil
}
