package local

import (
	"fmt"

	"github.com/orderplane/orderplane/internal/devcluster"
)

func (s *stack) manager() (*devcluster.Component, error) {
	p := s.opts.Ports
	return s.orderplane.Manager(p.Manager,
		fmt.Sprintf("--inventory-port=%d", p.Inventory),
		fmt.Sprintf("--metrics-bind-address=%s:%d", devcluster.Host, p.ManagerMetrics),
		"--metrics-secure=false",
		// A leader that was killed here is replaced in six seconds, not in fifteen.
		"--leader-election-lease-duration=6s",
		"--leader-election-renew-deadline=4s",
		"--leader-election-retry-period=1s",
		"--mirrored-namespaces="+s.mirrored(),
	)
}

func (s *stack) gateway() (*devcluster.Component, error) {
	return s.orderplane.Gateway(s.opts.Ports.Gateway, s.keys.publicFile, "--mirrored-namespaces="+s.mirrored())
}

func (s *stack) mirror() (*devcluster.Component, error) {
	return s.orderplane.Mirror(s.opts.Ports.Mirror)
}

// notifier sends mails to the mail server that the environment names, else to one that keeps them as files.
func (s *stack) notifier() (*devcluster.Component, error) {
	return s.orderplane.Notifier(s.opts.Ports.Notifier), nil
}

// mirrored is the namespace that the mirror serves; empty without one.
func (s *stack) mirrored() string {
	if s.opts.Mirror {
		return s.opts.Namespace
	}
	return ""
}
