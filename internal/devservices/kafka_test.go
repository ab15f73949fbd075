package devservices_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/devservices"
)

// broker is what the embedded broker and the real one have in common.
type broker interface{ Bootstrap() string }

func put(t *testing.T, b broker, topic, value string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Bootstrap()), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func first(t *testing.T, b broker, topic string) string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Bootstrap()), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			return string(r.Value)
		}
	}
}

func TestKafkaKeepsItsRecordsAndPortWhenKilled(t *testing.T) {
	libs, err := devservices.FindKafka()
	if err != nil {
		skipOutsideCI(t, err)
	}
	dir := t.TempDir()
	k, err := devservices.StartKafka(t.Context(), devservices.KafkaOptions{Libs: libs, Dir: filepath.Join(dir, "kafka"), LogDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Error(err)
		}
	})
	put(t, k, "order.created", "kept")
	for name, again := range map[string]func(context.Context) error{
		"stopped": k.Restart,
		"killed": func(ctx context.Context) error {
			if err := k.Kill(); err != nil {
				return err
			}
			return k.Start(ctx)
		},
	} {
		if err := again(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := first(t, k, "order.created"); got != "kept" {
			t.Errorf("%s: it has %q", name, got)
		}
	}
}

func TestTheEmbeddedBrokerKeepsItsRecordsAndPort(t *testing.T) {
	o := devservices.EmbeddedKafkaOptions{Dir: filepath.Join(t.TempDir(), "kafka")}
	b, err := devservices.StartEmbeddedKafka(o)
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, "order.created", "kept")
	o.Port = b.Port()
	b.Stop()
	again, err := devservices.StartEmbeddedKafka(o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Stop()
	if again.Bootstrap() != b.Bootstrap() {
		t.Errorf("it moved from %s to %s", b.Bootstrap(), again.Bootstrap())
	}
	if got := first(t, again, "order.created"); got != "kept" {
		t.Errorf("it has %q", got)
	}
}
