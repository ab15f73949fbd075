package kafka_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/test/testenv"
	"github.com/orderplane/orderplane/test/testenv/authority"
)

// securedBroker is an Apache Kafka that asks for client certificates at one listener, and for
// SASL over TLS at another.
type securedBroker struct {
	folder           string
	ca, stranger     *authority.Authority
	byTLS, byAccount string
}

const loginModules = "org.apache.kafka.common.security."

func startSecuredBroker(t *testing.T) *securedBroker {
	t.Helper()
	libs, err := devservices.FindKafka()
	if err != nil {
		testenv.LeaveOut(t, err, devservices.ErrNoKafka)
	}
	s := &securedBroker{folder: t.TempDir()}
	s.ca, s.stranger = authority.New(t, s.folder, "ca"), authority.New(t, s.folder, "stranger")
	server := s.ca.Issue(t, s.folder, "server", "server", x509.ExtKeyUsageServerAuth)
	keystore := filepath.Join(s.folder, "keystore.pem")
	join(t, keystore, server.Key, server.Cert)
	certificate := map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.location": keystore,
		"ssl.truststore.type": "PEM", "ssl.truststore.location": s.ca.File,
	}
	mutual := devservices.KafkaListener{Name: "MUTUAL", Protocol: "SSL", Port: freePort(t), Properties: map[string]string{"ssl.client.auth": "required"}}
	accounts := devservices.KafkaListener{Name: "ACCOUNTS", Protocol: "SASL_SSL", Port: freePort(t), Properties: map[string]string{
		"sasl.enabled.mechanisms":               strings.Join([]string{kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512}, ","),
		"plain.sasl.jaas.config":                loginModules + `plain.PlainLoginModule required user_mirror="secret";`,
		"scram-sha-256.sasl.jaas.config":        loginModules + "scram.ScramLoginModule required;",
		"scram-sha-512.sasl.jaas.config":        loginModules + "scram.ScramLoginModule required;",
		"ssl.client.auth":                       "none",
		"ssl.endpoint.identification.algorithm": "",
	}}
	for name, value := range certificate {
		mutual.Properties[name], accounts.Properties[name] = value, value
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	k, err := devservices.StartKafka(ctx, devservices.KafkaOptions{
		Libs: libs, Dir: filepath.Join(s.folder, "kafka"), LogDir: s.folder, Secured: []devservices.KafkaListener{mutual, accounts},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.byTLS, s.byAccount = addressOf(mutual), addressOf(accounts)
	addAccount(ctx, t, k.Bootstrap())
	return s
}

// addAccount makes the user mirror known, with the password secret, for SCRAM.
func addAccount(ctx context.Context, t *testing.T, bootstrap string) {
	t.Helper()
	client := newClient(t, kafka.Config{Bootstrap: []string{bootstrap}})
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} { // one a request
		done, err := kadm.NewClient(client).AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{
			{User: "mirror", Mechanism: mechanism, Iterations: 4096, Password: "secret"},
		})
		if err = errors.Join(err, done.Error()); err != nil {
			t.Fatal(err)
		}
	}
}

func addressOf(l devservices.KafkaListener) string {
	return net.JoinHostPort(devcluster.Host, strconv.Itoa(l.Port))
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := devcluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// join writes files one after the other into another.
func join(t *testing.T, to string, files ...string) {
	t.Helper()
	var all []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	if err := os.WriteFile(to, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Against Apache Kafka: who comes in, who does not, and that an event gets through.
func TestASecuredBroker(t *testing.T) {
	s := startSecuredBroker(t)
	client := s.ca.Issue(t, s.folder, "client", "client", x509.ExtKeyUsageClientAuth)
	foreign := s.stranger.Issue(t, s.folder, "foreign", "foreign", x509.ExtKeyUsageClientAuth)
	trusted := kafka.TLS{CAFile: s.ca.File}
	file := filepath.Join(s.folder, "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	account := func(mechanism, user, password string) kafka.Config {
		return kafka.Config{Bootstrap: []string{s.byAccount}, TLS: trusted, SASL: kafka.SASL{Mechanism: mechanism, User: user, Password: password}}
	}
	certificate := func(tls kafka.TLS) kafka.Config { return kafka.Config{Bootstrap: []string{s.byTLS}, TLS: tls} }
	for name, c := range map[string]struct {
		config kafka.Config
		works  bool
	}{
		"PLAIN":                                     {account(kafka.Plain, "mirror", "secret"), true},
		"SCRAM-SHA-256":                             {account(kafka.ScramSHA256, "mirror", "secret"), true},
		"SCRAM-SHA-512":                             {account(kafka.ScramSHA512, "mirror", "secret"), true},
		"SCRAM, the password in a file":             {kafka.Config{Bootstrap: []string{s.byAccount}, TLS: trusted, SASL: kafka.SASL{Mechanism: kafka.ScramSHA512, User: "mirror", PasswordFile: file}}, true},
		"PLAIN, the wrong password":                 {account(kafka.Plain, "mirror", "guess"), false},
		"SCRAM-SHA-256, the wrong password":         {account(kafka.ScramSHA256, "mirror", "guess"), false},
		"SCRAM-SHA-512, an unknown user":            {account(kafka.ScramSHA512, "guest", "secret"), false},
		"no account":                                {kafka.Config{Bootstrap: []string{s.byAccount}, TLS: trusted}, false},
		"an account, a broker of another authority": {kafka.Config{Bootstrap: []string{s.byAccount}, TLS: kafka.TLS{CAFile: s.stranger.File}, SASL: kafka.SASL{Mechanism: kafka.Plain, User: "mirror", Password: "secret"}}, false},
		"a certificate":                             {certificate(kafka.TLS{CAFile: s.ca.File, CertFile: client.Cert, KeyFile: client.Key}), true},
		"no certificate":                            {certificate(trusted), false},
		"a certificate of another authority":        {certificate(kafka.TLS{CAFile: s.ca.File, CertFile: foreign.Cert, KeyFile: foreign.Key}), false},
		"no TLS":                                    {certificate(kafka.TLS{}), false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), 15*time.Second)
			defer stop()
			client := newClient(t, c.config)
			err := kafka.EnsureTopics(ctx, client, event.Topics())
			if err == nil {
				err = client.ProduceSync(ctx, &kgo.Record{Topic: string(event.OrderCreated), Value: []byte("{}")}).FirstErr()
			}
			if (err == nil) != c.works {
				t.Errorf("%v", err)
			}
		})
	}
}
