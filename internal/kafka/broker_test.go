package kafka_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/test/testenv/authority"
)

func newCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func newClient(t *testing.T, config kafka.Config) *kgo.Client {
	t.Helper()
	opts, err := config.Options()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(opts, kgo.RetryTimeout(2*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func soon(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(stop)
	return ctx
}

func TestTopicsAreCreatedAndCompared(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.SeedTopics(5, "of-five"), kfake.SeedTopics(3, "of-three"))
	client := newClient(t, kafka.Config{Bootstrap: cluster.ListenAddrs()})
	if err := kafka.EnsureTopics(soon(t), client, event.Topics()); err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(soon(t), client, event.Topics()); err != nil {
		t.Errorf("again: %v", err)
	}
	found, err := kadm.NewClient(client).ListTopics(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range event.Topics() {
		if n := len(found[topic.Name].Partitions); n != int(topic.Partitions) {
			t.Errorf("%s has %d partitions, want %d", topic.Name, n, topic.Partitions)
		}
	}
	err = kafka.EnsureTopics(soon(t), client, []event.Topic{{Name: "of-five", Partitions: 3}, {Name: "of-three", Partitions: 3}, {Name: "of-one", Partitions: 1}})
	var wrong *kafka.WrongPartitions
	if !errors.As(err, &wrong) || *wrong != (kafka.WrongPartitions{Topic: "of-five", Has: 5, Needs: 3}) {
		t.Errorf("another number of partitions: %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "of-five has 5 partitions and needs 3") || strings.Contains(err.Error(), "of-three") {
		t.Errorf("the message is %v", err)
	}
}

// Two mirrors start at once: who comes second is told that the topic is not there, and
// then that it is.
func TestATopicThatSomebodyElseCreates(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.SeedTopics(3, "both"))
	hidden, created := 0, 0
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked := request.(*kmsg.MetadataRequest)
		if len(asked.Topics) == 0 || hidden > 0 {
			return nil, nil, false
		}
		hidden++
		answer := asked.ResponseKind().(*kmsg.MetadataResponse)
		for _, topic := range asked.Topics {
			answer.Topics = append(answer.Topics, kmsg.MetadataResponseTopic{Topic: topic.Topic, ErrorCode: kerr.UnknownTopicOrPartition.Code})
		}
		return answer, nil, true
	})
	cluster.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
		created++
		return nil, nil, false
	})
	client := newClient(t, kafka.Config{Bootstrap: cluster.ListenAddrs()})
	if err := kafka.EnsureTopics(soon(t), client, []event.Topic{{Name: "both", Partitions: 3}}); err != nil {
		t.Error(err)
	}
	if hidden != 1 || created != 1 {
		t.Errorf("hidden %d times, created %d times: the test shows nothing", hidden, created)
	}
}

func TestATopicThatMayNotBeCreated(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser(kafka.Plain, "admin", "admin"),
		kfake.User(kafka.Plain, "mirror", "secret", kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true}))
	client := newClient(t, kafka.Config{Bootstrap: cluster.ListenAddrs(), SASL: kafka.SASL{Mechanism: kafka.Plain, User: "mirror", Password: "secret"}})
	err := kafka.EnsureTopics(soon(t), client, []event.Topic{{Name: "order.created", Partitions: 3}})
	if err == nil || !strings.Contains(err.Error(), "order.created") || !strings.Contains(err.Error(), "let the user create topics, or create it with 3 partitions") {
		t.Errorf("%v", err)
	}
}

func TestSASL(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "mirror", "secret"))
			file := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(file, []byte("secret\r\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]struct {
				sasl  kafka.SASL
				works bool
			}{
				"a password":         {kafka.SASL{Mechanism: mechanism, User: "mirror", Password: "secret"}, true},
				"a password file":    {kafka.SASL{Mechanism: mechanism, User: "mirror", PasswordFile: file}, true},
				"the wrong password": {kafka.SASL{Mechanism: mechanism, User: "mirror", Password: "guess"}, false},
				"another user":       {kafka.SASL{Mechanism: mechanism, User: "guest", Password: "secret"}, false},
				"nobody":             {kafka.SASL{}, false},
			} {
				ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
				err := newClient(t, kafka.Config{Bootstrap: cluster.ListenAddrs(), SASL: c.sasl}).Ping(ctx)
				stop()
				if (err == nil) != c.works {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestTLSWithClientCertificates(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ca, stranger := authority.New(t, folder, "ca"), authority.New(t, folder, "stranger")
	server := ca.Issue(t, folder, "server", "server", x509.ExtKeyUsageServerAuth)
	client := ca.Issue(t, folder, "client", "client", x509.ExtKeyUsageClientAuth)
	foreign := stranger.Issue(t, folder, "foreign", "foreign", x509.ExtKeyUsageClientAuth)
	pair, err := tls.LoadX509KeyPair(server.Cert, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ca.Cert)
	cluster := newCluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}))
	for name, c := range map[string]struct {
		tls   kafka.TLS
		works bool
	}{
		"a certificate of the authority":   {kafka.TLS{CAFile: ca.File, CertFile: client.Cert, KeyFile: client.Key}, true},
		"no certificate":                   {kafka.TLS{CAFile: ca.File}, false},
		"one of another authority":         {kafka.TLS{CAFile: ca.File, CertFile: foreign.Cert, KeyFile: foreign.Key}, false},
		"a broker of an unknown authority": {kafka.TLS{Enabled: true, CertFile: client.Cert, KeyFile: client.Key}, false},
		"no TLS":                           {kafka.TLS{}, false},
	} {
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		err := newClient(t, kafka.Config{Bootstrap: cluster.ListenAddrs(), TLS: c.tls}).Ping(ctx)
		stop()
		if (err == nil) != c.works {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// authority issues certificates for this machine.
