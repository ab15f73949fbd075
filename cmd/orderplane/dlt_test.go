package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/kafka/deadletter"
)

// letters is a broker that has a dead letter of order.created.
func letters(t *testing.T) (address string) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "order.created", "order.created.DLT", "order.returned.DLT"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	record := &kgo.Record{Topic: "order.created", Offset: 4, Key: []byte("o-1"), Value: []byte("{"), Timestamp: time.Unix(1800000000, 0)}
	if err := deadletter.Write(t.Context(), client, deadletter.Of(record, "group-1", errors.New("no JSON"))); err != nil {
		t.Fatal(err)
	}
	return cluster.ListenAddrs()[0]
}

func TestDeadLettersAreSeenAndPutBack(t *testing.T) {
	address := letters(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	mended := filepath.Join(t.TempDir(), "mended.json")
	if err := os.WriteFile(mended, []byte(`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ args, want string }{
		{"dlt list", "TOPIC                LETTERS   WAITING\norder.created.DLT    1         1\norder.returned.DLT   0         0\n"},
		{"dlt show order.created.DLT", "# partition 0, offset 0\n# dlt-error: no JSON\n# dlt-topic: order.created\n# dlt-partition: 0\n# dlt-offset: 4\n" +
			"# dlt-group: group-1\n# dlt-timestamp: 2027-01-15T08:00:00Z\no-1\t{\n"},
		{"dlt replay order.created.DLT --offset=0 --value-file=" + mended, "put back: 1\n"},
		{"dlt replay order.created.DLT", "put back: 1\n"},
		{"dlt replay order.created.DLT", "put back: 0\n"},
		{"dlt list", "TOPIC                LETTERS   WAITING\norder.created.DLT    1         0\norder.returned.DLT   0         0\n"},
		{"dlt show order.created.DLT", ""},
		{"topic tail order.created --from-beginning --count=2 --headers", "# dlt-replay: group-1\no-1\t{\"a\":1}\n# dlt-replay: group-1\no-1\t{\n"},
	} {
		got, err := run(ctx, append(strings.Fields(step.args), "--kafka-bootstrap="+address)...)
		if err != nil {
			t.Errorf("%s: %v", step.args, err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.args, diff)
		}
	}
}

func TestDeadLettersSayWhatIsWrong(t *testing.T) {
	address := letters(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for args, want := range map[string]string{
		"dlt show order.created.DLT --all --offset=0":                 "--all and --offset",
		"dlt show order.created.DLT --partition=1":                    "--partition",
		"dlt show order.created.DLT --offset=5":                       "has no offset 5",
		"dlt replay order.created.DLT --value-file=x":                 "--value-file",
		"dlt replay order.created.DLT --offset=0 --value-file=/no/no": "--value-file",
		"dlt replay no.such.DLT":                                      "there is no topic no.such.DLT",
	} {
		if _, err := run(ctx, append(strings.Fields(args), "--kafka-bootstrap="+address)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
