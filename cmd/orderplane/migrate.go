package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/postgres"
)

func newMigrateCommand() *cobra.Command {
	var (
		db   postgresFlags
		wait time.Duration
	)
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the databases to the newest schema",
		Long: "Bring the databases ops_orders, ops_inventory and ops_notifications to the newest schema, and say\n" +
			"what was applied. The databases themselves have to be there. Components that use a database\n" +
			"do the same when they start; it may run any number of times, and at the same time as they.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := db.Validate(); err != nil {
				return err
			}
			ctx, stop := context.WithTimeout(cmd.Context(), wait)
			defer stop()
			for _, name := range postgres.Databases() {
				if err := migrate(ctx, db.Config, name, cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	db.register(cmd.Flags())
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the server, and for the migrations to end")
	return cmd
}

// migrate brings one database to the newest schema. A server that can't be reached is waited for.
func migrate(ctx context.Context, cfg postgres.Config, db postgres.Database, out io.Writer) error {
	pool, err := postgres.Open(ctx, cfg, db)
	if err != nil {
		return err
	}
	defer pool.Close()
	told := false
	for {
		applied, err := postgres.MigrateAndTell(ctx, pool, db)
		for _, file := range applied {
			fmt.Fprintf(out, "%s: applied %s\n", db, file)
		}
		switch {
		case err == nil && len(applied) == 0:
			fmt.Fprintf(out, "%s: up to date\n", db)
			return nil
		case err == nil || !postgres.IsAway(err):
			return err
		case !told:
			fmt.Fprintf(out, "%s: waiting: %v\n", db, err)
			told = true
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}
