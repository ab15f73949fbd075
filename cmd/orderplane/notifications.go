package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
)

func newNotificationsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notifications",
		Short: "Look after what customers were told",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newEraseCommand())
	return cmd
}

func newEraseCommand() *cobra.Command {
	var (
		db       postgresFlags
		customer string
		wait     time.Duration
	)
	cmd := &cobra.Command{
		Use:   "erase --customer ID",
		Short: "Take what is personal out of every notification of a customer",
		Long: "Take recipient and customer out of every notification of a customer in ops_notifications, and say how many\n" +
			"there were. What was not sent yet is not sent any more. Orders, and records that are on topics, stay as they\n" +
			"are. It may be run again: for what was recorded since.",
		Example: "  orderplane notifications erase --customer cust-001",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if customer == "" {
				return errors.New("--customer is empty: name the customer, as the orders' customerId has it")
			}
			if err := db.Validate(); err != nil {
				return err
			}
			ctx, stop := context.WithTimeout(cmd.Context(), wait)
			defer stop()
			pool, err := postgres.Open(ctx, db.Config, postgres.Notifications)
			if err != nil {
				return err
			}
			defer pool.Close()
			n, err := notificationdb.Erase(ctx, pool, customer)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "erased: %d\n", n)
			return nil
		},
	}
	db.register(cmd.Flags())
	cmd.Flags().StringVar(&customer, "customer", "", "the customer's id")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long it may take")
	return cmd
}
