package main

import (
	"fmt"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/orderplane/orderplane/internal/local"
	"github.com/orderplane/orderplane/internal/redis"
	"github.com/orderplane/orderplane/webhooks"
)

func newLocalCommand() *cobra.Command {
	var o local.Options
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Run the whole of Orderplane on this machine",
		Long: "Run the whole of Orderplane on this machine: etcd and kube-apiserver, the CRDs and roles,\n" +
			"sample stock, the manager and the gateway; Postgres, an embedded Kafka, the mirror and\n" +
			"the notifier, with a mail server that keeps its mails in a folder. Needs\n" +
			"the binaries of a control plane: `make controlplane` in a checkout, or KUBEBUILDER_ASSETS.\n" +
			"Postgres is the machine's, or is fetched. DB_URL, KAFKA_BOOTSTRAP, REDIS_ADDR and SMTP_HOST\n" +
			"name servers that are used instead.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// The components log; this says what it does in words of its own.
			ctrl.SetLogger(logr.Discard())
			redis.LogTo(logr.Discard())
			executable, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this binary: %w", err)
			}
			o.Executable = executable
			o.Out = cmd.OutOrStdout()
			o.Environ = os.Environ()
			o.Admission = webhooks.Manifests
			return local.Run(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", ".local", "folder that keeps data, keys, logs and the env file")
	flags.StringVar(&o.Namespace, "namespace", "default", "namespace of the orders")
	flags.IntVar(&o.Ports.Gateway, "gateway-port", 8080, "port of the REST API; 0 for any free one")
	flags.IntVar(&o.Ports.Manager, "manager-port", 8081, "port of the manager's health; 0 for any free one")
	flags.IntVar(&o.Ports.Inventory, "inventory-port", 8082, "port of the inventory's health; 0 for any free one")
	flags.IntVar(&o.Ports.ManagerMetrics, "manager-metrics-port", 8091, "port of the manager's metrics; 0 for any free one")
	flags.IntVar(&o.Ports.Webhook, "webhook-port", 9443, "port of the manager's admission webhooks; 0 for any free one")
	flags.IntVar(&o.Ports.Mirror, "mirror-port", 8084, "port of the mirror's health and metrics; 0 for any free one")
	flags.IntVar(&o.Ports.Notifier, "notifier-port", 8083, "port of the notifier's health and metrics; 0 for any free one")
	flags.BoolVar(&o.Mirror, "mirror", true, "run the mirror and the notifier, and the Postgres and Kafka that they need")
	fromEnvironment(flags, "dir", "ORDERPLANE_LOCAL_DIR")
	fromEnvironment(flags, "namespace", "ORDERS_NAMESPACE")
	fromEnvironment(flags, "gateway-port", "HTTP_PORT")
	fromEnvironment(flags, "manager-port", "MANAGER_PORT")
	fromEnvironment(flags, "inventory-port", "INVENTORY_PORT")
	fromEnvironment(flags, "manager-metrics-port", "MANAGER_METRICS_PORT")
	fromEnvironment(flags, "webhook-port", "WEBHOOK_PORT")
	fromEnvironment(flags, "mirror-port", "MIRROR_PORT")
	fromEnvironment(flags, "notifier-port", "NOTIFIER_PORT")
	fromEnvironment(flags, "mirror", "ORDERPLANE_LOCAL_MIRROR")
	return cmd
}
