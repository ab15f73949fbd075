package main

import (
	"github.com/spf13/pflag"

	"github.com/orderplane/orderplane/internal/postgres"
)

// postgresFlags say where the databases are, for every component that has to do with them.
type postgresFlags struct{ postgres.Config }

func (f *postgresFlags) register(flags *pflag.FlagSet) {
	f.Config = postgres.DefaultConfig()
	flags.StringVar(&f.URL, "db-url", f.URL, "Postgres server: postgres:// or jdbc:postgresql://; each database is found there by its own name")
	flags.StringVar(&f.Orders, "db-url-orders", "", "database of the orders, if it is elsewhere or has another name than ops_orders")
	flags.StringVar(&f.Inventory, "db-url-inventory", "", "database of the stock, if it is elsewhere or has another name than ops_inventory")
	flags.StringVar(&f.Notifications, "db-url-notifications", "", "database of the notifications, if it is elsewhere or has another name than ops_notifications")
	flags.StringVar(&f.User, "db-user", f.User, "user, where a URL names none")
	flags.StringVar(&f.Password, "db-password", f.Password, "password, where a URL has none; better by the variable or by a file")
	flags.StringVar(&f.PasswordFile, "db-password-file", "", "file with the password, read again for each connection")
	flags.StringVar(&f.TLS.Mode, "db-sslmode", "", "disable, allow, prefer, require, verify-ca or verify-full; prefer when empty, verify-full with --db-sslrootcert")
	flags.StringVar(&f.TLS.RootCert, "db-sslrootcert", "", "file with the authorities that the server's certificate is verified by")
	flags.StringVar(&f.TLS.Cert, "db-sslcert", "", "file with the client certificate, read again for each connection")
	flags.StringVar(&f.TLS.Key, "db-sslkey", "", "file with the key of the client certificate")
	for name, variable := range map[string]string{
		"db-url":               "DB_URL",
		"db-url-orders":        "DB_URL_ORDERS",
		"db-url-inventory":     "DB_URL_INVENTORY",
		"db-url-notifications": "DB_URL_NOTIFICATIONS",
		"db-user":              "DB_USER",
		"db-password":          "DB_PASSWORD",
		"db-password-file":     "DB_PASSWORD_FILE",
		"db-sslmode":           "DB_SSLMODE",
		"db-sslrootcert":       "DB_SSLROOTCERT",
		"db-sslcert":           "DB_SSLCERT",
		"db-sslkey":            "DB_SSLKEY",
	} {
		fromEnvironment(flags, name, variable)
	}
}
