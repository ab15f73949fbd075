package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/probe"
)

// probeTimeout is shorter than the time that compose and Docker give a health check.
const probeTimeout = 3 * time.Second

func newProbeCommand() *cobra.Command {
	o := probe.Options{Timeout: probeTimeout}
	cmd := &cobra.Command{
		Use:   "probe URL",
		Short: "Ask whether a component is well",
		Long: "Ask a URL once. A status of 2xx ends with 0; everything else ends with 1 and one line that says what is wrong.\n" +
			"It is for health checks within the image, which has no shell. Redirects are not followed, and proxies are not used.",
		Example: "  orderplane probe http://127.0.0.1:8080/actuator/health/readiness\n" +
			"  orderplane probe https://manager:8443/healthz --ca-file ca.pem --timeout 1s",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return probe.Check(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().DurationVar(&o.Timeout, "timeout", o.Timeout, "how long the whole answer may take")
	cmd.Flags().StringVar(&o.CAFile, "ca-file", "", "file with the authorities that the server's certificate is verified by, PEM; the system's when empty")
	return cmd
}
