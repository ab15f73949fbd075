package mirrorfaults

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// record is the first appearance of an event.
type record struct {
	Topic, Key, ID, Value string
	Seq                   int64
}

// topics are what a consumer has read, from the start.
type topics struct {
	mu     sync.Mutex
	client *kgo.Client
	// firsts are the first appearances in order of arrival; values is what each event said.
	firsts []record
	values map[string]string
	// buried are the values of dead letters.
	buried   []string
	problems []string
}

// readTopics reads all topics until the test is over.
func readTopics(t *testing.T, b *broker) *topics {
	t.Helper()
	var names []string
	for _, topic := range event.Topics() {
		names = append(names, topic.Name)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ClientID("a reader"), kgo.ConsumeTopics(names...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	r := &topics{client: c, values: map[string]string{}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			c.PollFetches(ctx).EachRecord(r.read)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		c.Close()
	})
	return r
}

func (r *topics) read(k *kgo.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.Topic == string(event.OrderCancelRequested)+event.DeadLetters {
		if !slices.Contains(r.buried, string(k.Value)) {
			r.buried = append(r.buried, string(k.Value))
		}
		return
	}
	headers := map[string]string{}
	for _, h := range k.Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers[event.HeaderSource] != event.Source {
		return // somebody else's
	}
	var body struct{ EventID string }
	if err := json.Unmarshal(k.Value, &body); err != nil {
		r.problems = append(r.problems, fmt.Sprintf("%s: %v: %s", k.Topic, err, k.Value))
		return
	}
	seq, err := strconv.ParseInt(headers["ce_sequence"], 10, 64)
	if err != nil {
		r.problems = append(r.problems, fmt.Sprintf("%s: %v: %s", k.Topic, err, k.Value))
	}
	this := record{Topic: k.Topic, Key: string(k.Key), ID: body.EventID, Value: string(k.Value), Seq: seq}
	if was, again := r.values[this.ID]; again {
		if was != this.Value {
			r.problems = append(r.problems, fmt.Sprintf("event %s says\n%s\nand later\n%s", this.ID, was, this.Value))
		}
		return
	}
	r.values[this.ID] = this.Value
	r.firsts = append(r.firsts, this)
}

// told are the first appearances so far, what else was read, and what was wrong with it.
func (r *topics) told() (firsts []record, buried, problems []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.firsts), slices.Clone(r.buried), slices.Clone(r.problems)
}

// endSessions takes those who are dead out of every group, as a broker does by itself after their
// session's 45 seconds.
func (r *topics) endSessions(ctx context.Context) error {
	groups, err := kadm.NewClient(r.client).DescribeGroups(ctx)
	if err != nil {
		return fmt.Errorf("look for members of groups: %w", err)
	}
	for _, g := range groups.Sorted() {
		for _, m := range g.Members {
			leave := kmsg.NewPtrLeaveGroupRequest()
			leave.Group = g.Group
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID = m.MemberID
			leave.Members = append(leave.Members, member)
			if _, err := leave.RequestWith(ctx, r.client); err != nil {
				return fmt.Errorf("end the session of %s in group %s: %w", m.MemberID, g.Group, err)
			}
		}
	}
	return nil
}

// asks writes records as somebody else does.
func (w *world) asks(value string) {
	w.t.Helper()
	record := &kgo.Record{Topic: string(event.OrderCancelRequested), Key: []byte("else"), Value: []byte(value)}
	w.Eventually(func() error { return w.topics.client.ProduceSync(w.t.Context(), record).FirstErr() }).Should(Succeed())
}
