package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/orderplane/orderplane/internal/local/compose"
	"github.com/orderplane/orderplane/webhooks"
)

// preparedWithin is how long a step may take, with what it waits for.
const preparedWithin = 5 * time.Minute

// newPrepareCommand has the steps of compose.yaml that end. A cluster needs none of them.
func newPrepareCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "prepare",
		Short:  "Prepare what the containers of compose.yaml share",
		Hidden: true,
		Args:   cobra.NoArgs,
	}
	cmd.AddCommand(newPrepareAccessCommand(), newPrepareClusterCommand(), newPrepareStockCommand(), newPrepareKubeconfigCommand())
	return cmd
}

func newPrepareAccessCommand() *cobra.Command {
	var o compose.AccessOptions
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Write certificates, kubeconfigs and the keys of tokens",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return compose.Access(o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", "/access", "folder that gets a folder for each container")
	flags.StringVar(&o.Server, "server", "https://apiserver:6443", "URL by which the containers reach the API server")
	flags.StringVar(&o.Namespace, "namespace", "default", "namespace of the orders")
	flags.IntVar(&o.Owner, "owner", -1, "user that is given everything; -1 leaves it to this process' own")
	fromEnvironment(flags, "namespace", "ORDERS_NAMESPACE")
	return cmd
}

func newPrepareClusterCommand() *cobra.Command {
	var o compose.InstallOptions
	var webhookURL string
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Install CRDs, roles, priorities and admission, and end",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Admission, err = webhooks.Manifests(webhookURL); err != nil {
				return err
			}
			cfg, err := clusterConfig("prepare")
			if err != nil {
				return err
			}
			ctx, stop := context.WithTimeout(cmd.Context(), preparedWithin)
			defer stop()
			return compose.Install(ctx, cfg, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&webhookURL, "webhook-url", "https://manager:9443", "where the API server calls the manager")
	registerPrepared(flags, &o.Namespace)
	return cmd
}

func newPrepareStockCommand() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "stock",
		Short: "Put the sample stock into a namespace that has none, and end",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := clusterConfig("prepare")
			if err != nil {
				return err
			}
			ctx, stop := context.WithTimeout(cmd.Context(), preparedWithin)
			defer stop()
			return compose.SampleStock(ctx, cfg, namespace)
		},
	}
	registerPrepared(cmd.Flags(), &namespace)
	return cmd
}

func newPrepareKubeconfigCommand() *cobra.Command {
	var file, server string
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print an administrator's kubeconfig for whoever is outside the containers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := clientcmd.LoadFromFile(file)
			if err != nil {
				return fmt.Errorf("--file: %w", err)
			}
			for _, cluster := range config.Clusters {
				cluster.Server = server
			}
			text, err := clientcmd.Write(*config)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "file", "/access/admin/"+compose.KubeconfigFile, "kubeconfig to begin with")
	cmd.Flags().StringVar(&server, "server", "https://127.0.0.1:6443", "URL of the API server there")
	return cmd
}

// registerPrepared adds what the steps that talk to the API server have in common.
func registerPrepared(flags *pflag.FlagSet, namespace *string) {
	flags.StringVar(namespace, "namespace", "default", "namespace of the orders")
	fromEnvironment(flags, "namespace", "ORDERS_NAMESPACE")
}
