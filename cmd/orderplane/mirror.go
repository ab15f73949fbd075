package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/orderplane/orderplane/adapters/mirror"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// mirrorOptions configure the mirror.
type mirrorOptions struct {
	component componentFlags
	postgres  postgresFlags
	kafka     kafkaFlags
	redis     redisFlags
	mirror    mirror.Options
}

func (o *mirrorOptions) register(flags *pflag.FlagSet) {
	o.component.register(flags)
	o.postgres.register(flags)
	o.kafka.register(flags)
	o.redis.register(flags)
	o.mirror = mirror.DefaultOptions()
	m := &o.mirror
	flags.StringVar(&m.Namespace, "namespace", m.Namespace, "namespace that is mirrored")
	flags.StringVar(&m.BindAddress, "bind-address", m.BindAddress, "address to serve health and metrics on; every one when empty")
	flags.IntVar(&m.Port, "http-port", m.Port, "port of /health, /healthz, /readyz and /metrics; 0 for any free one")
	flags.DurationVar(&m.ArchiveDelay, "archive-delay", m.ArchiveDelay, "how long a finished order stays unchanged in Postgres before it may leave the cluster: longer than the age of any backup you would go back to")
	flags.BoolVar(&m.Accept.Cluster, "accept-cluster", false, "go on with a cluster that has gone back, or whose namespace was made anew")
	flags.BoolVar(&m.Accept.Topics, "accept-topics", false, "go on with topics that have lost records")
	for name, variable := range map[string]string{
		"namespace":     "ORDERS_NAMESPACE",
		"bind-address":  "BIND_ADDRESS",
		"http-port":     "HTTP_PORT",
		"archive-delay": "ARCHIVE_DELAY",
	} {
		fromEnvironment(flags, name, variable)
	}
}

func newMirrorCommand() *cobra.Command {
	var o mirrorOptions
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Run the mirror: what happens in a namespace, in Postgres and on Kafka",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runMirror(cmd.Context(), &o) },
	}
	o.register(cmd.Flags())
	addMirrorTasks(cmd, &o)
	return cmd
}

func runMirror(ctx context.Context, o *mirrorOptions) error {
	log := o.component.logger()
	defer holdHeapFloor()()
	if err := cachedclient.DisableWatchList(); err != nil {
		return err
	}
	cfg, err := clusterConfig("mirror")
	if err != nil {
		return err
	}
	o.mirror.Postgres, o.mirror.Kafka, o.mirror.Redis = o.postgres.Config, o.kafka.Config, o.redis.Config
	server, err := mirror.New(ctx, o.mirror, mirror.Deps{Kube: cfg, Log: log, Metrics: metrics.Registry, Clock: clock.RealClock{}})
	if err != nil {
		return err
	}
	if err := servePprof(ctx, o.component.pprof, log); err != nil {
		return err
	}
	log.Info("mirror starts", "version", version())
	return server.Run(ctx)
}
