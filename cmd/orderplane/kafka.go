package main

import (
	"github.com/spf13/pflag"

	"github.com/orderplane/orderplane/internal/kafka"
)

// kafkaFlags say where the brokers are and how to connect.
type kafkaFlags struct{ kafka.Config }

func (f *kafkaFlags) register(flags *pflag.FlagSet) {
	f.Config = kafka.DefaultConfig()
	flags.StringSliceVar(&f.Bootstrap, "kafka-bootstrap", f.Bootstrap, "brokers to begin with, host:port each, with commas between")
	flags.BoolVar(&f.TLS.Enabled, "kafka-tls", false, "use TLS; each of the files of TLS implies it")
	flags.StringVar(&f.TLS.CAFile, "kafka-tls-ca-file", "", "certificates that a broker's must come from, PEM; the system's when empty")
	flags.StringVar(&f.TLS.CertFile, "kafka-tls-cert-file", "", "certificate of this client, PEM")
	flags.StringVar(&f.TLS.KeyFile, "kafka-tls-key-file", "", "key of that certificate, PEM")
	flags.StringVar(&f.SASL.Mechanism, "kafka-sasl-mechanism", "", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; no SASL when empty")
	flags.StringVar(&f.SASL.User, "kafka-sasl-user", "", "user of SASL")
	flags.StringVar(&f.SASL.Password, "kafka-sasl-password", "", "password of that user; others on this machine can read a flag, so use the variable or the file")
	flags.StringVar(&f.SASL.PasswordFile, "kafka-sasl-password-file", "", "file whose first line is that password")
	for name, variable := range map[string]string{ //nolint:gosec // names of variables, no secret
		"kafka-bootstrap":          "KAFKA_BOOTSTRAP",
		"kafka-tls":                "KAFKA_TLS",
		"kafka-tls-ca-file":        "KAFKA_TLS_CA_FILE",
		"kafka-tls-cert-file":      "KAFKA_TLS_CERT_FILE",
		"kafka-tls-key-file":       "KAFKA_TLS_KEY_FILE",
		"kafka-sasl-mechanism":     "KAFKA_SASL_MECHANISM",
		"kafka-sasl-user":          "KAFKA_SASL_USER",
		"kafka-sasl-password":      "KAFKA_SASL_PASSWORD",
		"kafka-sasl-password-file": "KAFKA_SASL_PASSWORD_FILE",
	} {
		fromEnvironment(flags, name, variable)
	}
}
