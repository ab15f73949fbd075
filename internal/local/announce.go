package local

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/token"
)

const (
	// sampleCustomer is who CUSTOMER_TOKEN speaks for, and who the sample order is from.
	sampleCustomer = "cust-001"
	sampleOperator = "ops-001"
	// tokenLifetime is long: nobody wants a new token in the middle of a demonstration.
	tokenLifetime = 30 * 24 * time.Hour
)

func url(port int, path string) string {
	return fmt.Sprintf("http://%s:%d%s", devcluster.Host, port, path)
}

// announce writes the env file and tells the user what runs where.
func (s *stack) announce() error {
	customer, ops, err := s.tokens()
	if err != nil {
		return err
	}
	p := s.opts.Ports
	kubectl := s.cp.Kubectl()
	env := s.opts.path("env")
	if err := writeEnvFile(env, filepath.Dir(kubectl), []export{
		{"GATEWAY_URL", url(p.Gateway, "")},
		{"MANAGER_URL", url(p.Manager, "")},
		{"KUBECONFIG", s.kubeconfig()},
		{"KUBECTL", kubectl},
		{"ORDERS_NAMESPACE", s.opts.Namespace},
		{"CUSTOMER_ID", sampleCustomer},
		{"CUSTOMER_TOKEN", customer},
		{"OPS_TOKEN", ops},
		{"JWT_PUBLIC_KEY", s.keys.publicFile},
		{"JWT_PRIVATE_KEY", s.keys.privateFile},
	}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.opts.Out, `
Orderplane is ready.

  REST API     %s
  Swagger UI   %s
  health       %s
  metrics      %s
  kubectl      %s, with KUBECONFIG=%s
  logs         %s

  CUSTOMER_TOKEN (customer %s)
  %s

  OPS_TOKEN
  %s

In another terminal:  . %s
Ctrl-C stops everything; the data stays.
`,
		url(p.Gateway, "/api/orders"), url(p.Gateway, "/swagger-ui.html"), url(p.Manager, "/health"),
		url(p.ManagerMetrics, "/metrics"), kubectl, s.kubeconfig(),
		s.opts.path("log")+string(filepath.Separator), sampleCustomer, customer, ops, env)
	return err
}

func (s *stack) tokens() (customer, ops string, err error) {
	key, err := token.LoadPrivateKey(s.keys.privateFile)
	if err != nil {
		return "", "", fmt.Errorf("sign tokens: %w", err)
	}
	issuer := token.Issuer{Key: key}
	if customer, err = issuer.Issue(token.Identity{Subject: sampleCustomer}, time.Now(), tokenLifetime); err != nil {
		return "", "", err
	}
	ops, err = issuer.Issue(token.Identity{Subject: sampleOperator, Roles: []string{token.RoleOps}}, time.Now(), tokenLifetime)
	return customer, ops, err
}
