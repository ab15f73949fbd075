package performance

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// readyWithin bounds the start of a component: with 100,000 live orders it reads for a while.
const readyWithin = 3 * time.Minute

// component is one of Orderplane's components that is measured.
type component struct {
	*devcluster.Component
	// served is what it serves, profiles its profiles.
	served, profiles *client
}

// spawn prepares a component that serves at a port, and runs it.
func spawn(prepare func(port int, args ...string) (*devcluster.Component, error)) (*component, error) {
	port, err := devcluster.FreePort()
	if err != nil {
		return nil, err
	}
	profiles, err := devcluster.FreePort()
	if err != nil {
		return nil, err
	}
	c, err := prepare(port, fmt.Sprintf("--pprof-bind-address=%s:%d", devcluster.Host, profiles))
	if err != nil {
		return nil, err
	}
	return &component{Component: c, served: clientOf(port), profiles: clientOf(profiles)}, c.Spawn()
}

// clientOf is a client of a loopback port, with as many connections as it has requests.
func clientOf(port int) *client {
	return &client{
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}},
		base: fmt.Sprintf("http://%s:%d", devcluster.Host, port),
	}
}

// profile reads a page of the component's profiles, such as "heap".
func (c *component) profile(ctx context.Context, page string) ([]byte, error) {
	return c.profiles.do(ctx, http.MethodGet, "/debug/pprof/"+page, nil, nil)
}

// startManager starts the manager under the RBAC of its service account. It
// does not wait; its AwaitReady does.
func (s *stage) startManager() (err error) {
	s.manager, err = spawn(func(port int, args ...string) (*devcluster.Component, error) {
		return s.orderplane.Manager(port, append(args,
			"--namespaces="+ordersNamespace, "--metrics-bind-address=0", "--inventory-port=0")...)
	})
	return err
}

func (s *stage) stopManager() error {
	manager := s.manager
	if manager == nil {
		return nil
	}
	s.manager = nil
	return manager.Stop()
}

// startGateway starts the gateway. With everything on it counts the requests of each customer by
// Redis, against a limit that none of them comes near; else it has none.
func (s *stage) startGateway(ctx context.Context) (err error) {
	limit := "--rate-limit-per-minute=0"
	if s.opts.mirrored {
		limit = "--rate-limit-per-minute=1000000"
	}
	s.gateway, err = spawn(func(port int, args ...string) (*devcluster.Component, error) {
		return s.orderplane.Gateway(port, s.keys.publicFile, append(args, limit)...)
	})
	if err != nil {
		return err
	}
	return s.gateway.AwaitReady(ctx)
}

// startMirror starts the mirror, and what consumes its topics as long as there is the stage. It does
// not wait; its AwaitReady does.
func (s *stage) startMirror() (err error) {
	if s.topics == nil {
		if s.topics, err = listen(s.services.kafka.Bootstrap()); err != nil {
			return err
		}
	}
	s.mirror, err = spawn(func(port int, args ...string) (*devcluster.Component, error) {
		return s.orderplane.Mirror(port, args...)
	})
	return err
}

// stopMirror ends the mirror, if there is one.
func (s *stage) stopMirror() error {
	mirror := s.mirror
	if mirror == nil {
		return nil
	}
	s.mirror = nil
	return mirror.Stop()
}

// awaitAdmission waits until the manager has told the API server its certificate.
func (s *stage) awaitAdmission(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		var configuration struct {
			Webhooks []struct {
				ClientConfig struct {
					CABundle []byte `json:"caBundle"`
				} `json:"clientConfig"`
			} `json:"webhooks"`
		}
		err := s.admin.get(ctx, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/orderplane", &configuration)
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
