package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/token"
)

func newTokenCommand() *cobra.Command {
	var (
		key    string
		id     token.Identity
		issuer token.Issuer
		ttl    time.Duration
	)
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Issue a bearer token for the REST API",
		Long:  "Issue a bearer token for the REST API, signed with RS256, and print it.",
		Example: "  orderplane token --sub cust-001\n" +
			"  orderplane token --sub jane --role ops --ttl 15m",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			private, err := token.LoadPrivateKey(key)
			if err != nil {
				return fmt.Errorf("--private-key: %w", err)
			}
			issuer.Key = private
			signed, err := issuer.Issue(id, time.Now(), ttl)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), signed)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&key, "private-key", ".local/jwt/private.pem", "RSA private key: PEM, base64 DER or a file")
	flags.StringVar(&id.Subject, "sub", "", "who the token speaks for: a customer id or an operator")
	flags.StringSliceVar(&id.Roles, "role", nil, "role of the bearer, such as ops; may be repeated")
	flags.DurationVar(&ttl, "ttl", time.Hour, "how long the token is good")
	flags.StringVar(&issuer.Issuer, "issuer", "", "claim iss")
	flags.StringVar(&issuer.Audience, "audience", "", "claim aud")
	fromEnvironment(flags, "private-key", "JWT_PRIVATE_KEY")
	fromEnvironment(flags, "issuer", "JWT_ISSUER")
	fromEnvironment(flags, "audience", "JWT_AUDIENCE")
	return cmd
}
