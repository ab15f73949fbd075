package local

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
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
	env := s.opts.path("env")
	exports := append(s.exports(), export{"CUSTOMER_TOKEN", customer}, export{"OPS_TOKEN", ops})
	if err := writeEnvFile(env, s.tools(), exports); err != nil {
		return err
	}
	var text strings.Builder
	line := func(what, where string) { fmt.Fprintf(&text, "  %-20s %s\n", what, where) }
	text.WriteString("\nOrderplane is ready.\n\n")
	p := s.opts.Ports
	line("REST API", url(p.Gateway, "/api/orders"))
	line("Swagger UI", url(p.Gateway, "/swagger-ui.html"))
	line("health", url(p.Manager, "/health"))
	line("metrics", url(p.ManagerMetrics, "/metrics"))
	if s.opts.Mirror {
		line("mirror", url(p.Mirror, "/health"))
		line("notifier", url(p.Notifier, "/actuator/health"))
		if s.services.mail != nil {
			line("mails", s.services.mailFolder()+string(filepath.Separator))
		}
	}
	line("kubectl", s.cp.Kubectl()+", with KUBECONFIG="+s.kubeconfig())
	for _, e := range s.services.exports() {
		line(e.name, e.value)
	}
	line("Redis", s.services.redisIs())
	line("logs", s.opts.path("log")+string(filepath.Separator))
	fmt.Fprintf(&text, "\n  CUSTOMER_TOKEN (customer %s)\n  %s\n\n  OPS_TOKEN\n  %s\n", sampleCustomer, customer, ops)
	fmt.Fprintf(&text, "\nIn another terminal:  . %s\nCtrl-C stops everything; the data stays.\n", env)
	_, err = io.WriteString(s.opts.Out, text.String())
	return err
}

// exports are what the env file has besides tokens.
func (s *stack) exports() []export {
	p := s.opts.Ports
	exports := []export{
		{"GATEWAY_URL", url(p.Gateway, "")},
		{"MANAGER_URL", url(p.Manager, "")},
		{"KUBECONFIG", s.kubeconfig()},
		{"KUBECTL", s.cp.Kubectl()},
		{"ORDERS_NAMESPACE", s.opts.Namespace},
		{"CUSTOMER_ID", sampleCustomer},
		{"JWT_PUBLIC_KEY", s.keys.publicFile},
		{"JWT_PRIVATE_KEY", s.keys.privateFile},
	}
	if s.opts.Mirror {
		exports = append(exports, export{"MIRROR_URL", url(p.Mirror, "")}, export{"NOTIFIER_URL", url(p.Notifier, "")})
	}
	return append(exports, s.services.exports()...)
}

// tools are programs for the user, and the folders that have them.
func (s *stack) tools() []tool {
	tools := []tool{{"kubectl", filepath.Dir(s.cp.Kubectl())}}
	if s.services.psql != "" {
		tools = append(tools, tool{"psql", s.services.psql})
	}
	return tools
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
