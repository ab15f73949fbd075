package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/kube/manifests"
)

// seedAgain is how soon the sample stock is applied again when it was refused.
const seedAgain = 200 * time.Millisecond

// startCluster runs a control plane.
func (s *stack) startCluster(ctx context.Context) (err error) {
	ports := s.opts.lastPorts().free()
	if s.cp, err = devcluster.Start(ctx, devcluster.Options{
		DataDir:       s.opts.path("cluster"),
		LogDir:        s.opts.path("log"),
		EtcdPort:      ports.Etcd,
		APIServerPort: ports.APIServer,
	}); err != nil {
		return err
	}
	return devcluster.WriteKubeconfig(s.kubeconfig(), s.cp.Config(), s.opts.Namespace)
}

// install puts everything on the cluster that Orderplane needs.
func (s *stack) install(ctx context.Context) (err error) {
	s.orderplane, err = s.cp.InstallOrderplane(ctx, devcluster.InstallOptions{
		Executable:   s.opts.Executable,
		Dir:          s.opts.Dir,
		Namespace:    s.opts.Namespace,
		WebhookPort:  s.opts.Ports.Webhook,
		Admission:    s.opts.Admission,
		StartTimeout: readyWithin,
		Env:          s.services.environment(),
	})
	return err
}

func (s *stack) kubeconfig() string { return s.opts.path("kubeconfig") }

// seedStock applies the sample stock as a person would, with plain `kubectl
// apply`, so that doing it again from the checkout changes nothing. Only where
// there is no stock yet: what a user made of it is theirs. The manager has to run.
func (s *stack) seedStock(ctx context.Context) error {
	items, err := s.kubectl(ctx, nil, "get", "stockitems.orderplane.dev", "-o", "name")
	if err != nil || items != "" {
		return err
	}
	stock, err := sampleStock()
	if err != nil {
		return err
	}
	// The API server may not know yet how to call the manager's webhooks, which are asked about
	// stock documents.
	var refused error
	err = wait.PollUntilContextTimeout(ctx, seedAgain, readyWithin, true, func(ctx context.Context) (done bool, err error) {
		_, refused = s.kubectl(ctx, stock, "apply", "-f", "-")
		return refused == nil, nil
	})
	if err != nil {
		return errors.Join(err, refused)
	}
	return nil
}

func sampleStock() ([]byte, error) {
	objects, err := manifests.Files(config.Manifests, "samples/stock*.yaml")
	if err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	for _, o := range objects {
		list.Items = append(list.Items, *o)
	}
	return list.MarshalJSON()
}

// kubectl runs the control plane's own kubectl as its administrator and returns what it prints.
func (s *stack) kubectl(ctx context.Context, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.cp.Kubectl(), append([]string{"--kubeconfig", s.kubeconfig()}, args...)...)
	var stdout, complaint strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return stdout.String(), nil
}
