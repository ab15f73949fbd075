package kafka_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/kafka"
)

func TestValidateNamesTheVariable(t *testing.T) {
	scram := kafka.SASL{Mechanism: kafka.ScramSHA512, User: "mirror", Password: "secret"}
	for name, c := range map[string]struct {
		change func(*kafka.Config)
		want   string
	}{
		"the default":                 {func(*kafka.Config) {}, ""},
		"several brokers":             {func(c *kafka.Config) { c.Bootstrap = []string{"a:9092", "[::1]:9092"} }, ""},
		"no broker":                   {func(c *kafka.Config) { c.Bootstrap = nil }, "KAFKA_BOOTSTRAP names no broker"},
		"a broker without a port":     {func(c *kafka.Config) { c.Bootstrap = []string{"a"} }, `KAFKA_BOOTSTRAP: "a" is not host:port`},
		"a broker without a host":     {func(c *kafka.Config) { c.Bootstrap = []string{":9092"} }, "KAFKA_BOOTSTRAP"},
		"a URL":                       {func(c *kafka.Config) { c.Bootstrap = []string{"kafka://a:9092"} }, "KAFKA_BOOTSTRAP"},
		"port 0":                      {func(c *kafka.Config) { c.Bootstrap = []string{"a:0"} }, "KAFKA_BOOTSTRAP"},
		"a certificate and its key":   {func(c *kafka.Config) { c.TLS.CertFile, c.TLS.KeyFile = "c", "k" }, ""},
		"a certificate alone":         {func(c *kafka.Config) { c.TLS.CertFile = "c" }, "KAFKA_TLS_KEY_FILE"},
		"a key alone":                 {func(c *kafka.Config) { c.TLS.KeyFile = "k" }, "KAFKA_TLS_CERT_FILE"},
		"SCRAM":                       {func(c *kafka.Config) { c.SASL = scram }, ""},
		"an unknown mechanism":        {func(c *kafka.Config) { c.SASL.Mechanism = "GSSAPI" }, `KAFKA_SASL_MECHANISM: "GSSAPI"`},
		"a user without a mechanism":  {func(c *kafka.Config) { c.SASL.User = "mirror" }, "KAFKA_SASL_MECHANISM"},
		"a mechanism without a user":  {func(c *kafka.Config) { c.SASL = scram; c.SASL.User = "" }, "KAFKA_SASL_USER is empty"},
		"no password":                 {func(c *kafka.Config) { c.SASL = scram; c.SASL.Password = "" }, "KAFKA_SASL_PASSWORD_FILE"},
		"a password and a file of it": {func(c *kafka.Config) { c.SASL = scram; c.SASL.PasswordFile = "p" }, "one of KAFKA_SASL_PASSWORD"},
	} {
		config := kafka.DefaultConfig()
		c.change(&config)
		err := config.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestOptionsReadTheFiles(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(folder, "missing")
	for name, c := range map[string]struct {
		change func(*kafka.Config)
		want   string
	}{
		"what Validate refuses":     {func(c *kafka.Config) { c.Bootstrap = nil }, "KAFKA_BOOTSTRAP"},
		"no such authority":         {func(c *kafka.Config) { c.TLS.CAFile = missing }, "KAFKA_TLS_CA_FILE: open " + missing},
		"an authority that is none": {func(c *kafka.Config) { c.TLS.CAFile = file("ca", "hello") }, "no certificate in PEM"},
		"no such certificate":       {func(c *kafka.Config) { c.TLS.CertFile, c.TLS.KeyFile = missing, missing }, "KAFKA_TLS_CERT_FILE"},
		"no such password": {func(c *kafka.Config) {
			c.SASL = kafka.SASL{Mechanism: kafka.Plain, User: "u", PasswordFile: missing}
		}, "KAFKA_SASL_PASSWORD_FILE: open " + missing},
		"an empty password": {func(c *kafka.Config) {
			c.SASL = kafka.SASL{Mechanism: kafka.Plain, User: "u", PasswordFile: file("empty", "\r\nsecret")}
		}, "first line"},
	} {
		config := kafka.DefaultConfig()
		c.change(&config)
		if _, err := config.Options(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
