package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// broker has order.created with records of two keys in one partition, and an empty topic.
func broker(t *testing.T) (address string, client *kgo.Client) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "order.created"), kfake.SeedTopics(3, "order.cancelled"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err = kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	write(t, client, "o-1", `{"a":1}`)
	write(t, client, "o-2", "line\nline\x1b[2J")
	write(t, client, "o-1", `{"a":"ö"}`)
	return cluster.ListenAddrs()[0], client
}

func write(t *testing.T, client *kgo.Client, key, value string) {
	t.Helper()
	record := &kgo.Record{Topic: "order.created", Key: []byte(key), Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "ce_type", Value: []byte("order.created")}}}
	if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func run(ctx context.Context, args ...string) (string, error) {
	var out strings.Builder
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return out.String(), err
}

func TestTopicPrintsWhatIsThere(t *testing.T) {
	address, _ := broker(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"list":        {[]string{"list"}, "TOPIC             PARTITIONS   RECORDS\norder.cancelled   3            0\norder.created     1            3\n"},
		"all of them": {[]string{"tail", "order.created", "--from-beginning", "--count=3"}, "o-1\t{\"a\":1}\no-2\t\"line\\nline\\x1b[2J\"\no-1\t{\"a\":\"ö\"}\n"},
		"of a key":    {[]string{"tail", "order.created", "--from-beginning", "--count=2", "--key=o-1"}, "o-1\t{\"a\":1}\no-1\t{\"a\":\"ö\"}\n"},
		"headers":     {[]string{"tail", "order.created", "--from-beginning", "--count=1", "--headers"}, "# ce_type: order.created\no-1\t{\"a\":1}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := run(ctx, append(append([]string{"topic"}, c.args...), "--kafka-bootstrap="+address)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Without --from-beginning the records that are there are not printed. Nobody knows when
// the tail has begun, so that records are written until one is printed.
func TestTopicTailBeginsWithWhatComes(t *testing.T) {
	address, client := broker(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	printed := make(chan string, 1)
	go func() {
		out, err := run(ctx, "topic", "tail", "order.created", "--count=1", "--kafka-bootstrap="+address)
		if err != nil {
			t.Error(err)
		}
		printed <- out
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case out := <-printed:
			if out != "o-3\tnew\n" {
				t.Errorf("printed %q", out)
			}
			return
		case <-tick.C:
			write(t, client, "o-3", "new")
		}
	}
}

func TestTopicSaysWhatIsWrong(t *testing.T) {
	address, _ := broker(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"an unknown topic":       {[]string{"tail", "order.lost", "--kafka-bootstrap=" + address}, `there is no topic "order.lost"; there are order.cancelled, order.created`},
		"no topic":               {[]string{"tail"}, "accepts 1 arg"},
		"less than none":         {[]string{"tail", "order.created", "--count=-1", "--kafka-bootstrap=" + address}, "--count -1"},
		"a broker that is away":  {[]string{"list", "--kafka-bootstrap=127.0.0.1:1"}, "no broker answers at 127.0.0.1:1"},
		"no address of a broker": {[]string{"list", "--kafka-bootstrap=here"}, "KAFKA_BOOTSTRAP"},
	} {
		// One after the other: the flags of a command are registered in a variable of controller-runtime's.
		t.Run(name, func(t *testing.T) {
			if _, err := run(t.Context(), append([]string{"topic"}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
