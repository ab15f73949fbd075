package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// WrongPartitions says that a topic is there with another number of partitions than it
// must have. The order of a key's records hangs on it, so it is not changed here.
type WrongPartitions struct {
	Topic      string
	Has, Needs int
}

func (e *WrongPartitions) Error() string {
	return fmt.Sprintf("topic %s has %d partitions and needs %d: delete it where its records are of no use any more, and it is made again; or create the topic anew, with %d partitions, and copy its records by key",
		e.Topic, e.Has, e.Needs, e.Needs)
}

// EnsureTopics creates what is missing of the topics, with the broker's own replication
// factor, and compares the partitions of all of them. Everything that is wrong is told
// at once; a wrong number of partitions is a *WrongPartitions.
func EnsureTopics(ctx context.Context, client *kgo.Client, topics []event.Topic) error {
	needs := make(map[string]int32, len(topics))
	for _, topic := range topics {
		needs[topic.Name] = topic.Partitions
	}
	there, err := partitions(ctx, client, needs)
	if err != nil {
		return err
	}
	var errs []error
	admin := kadm.NewClient(client)
	for _, topic := range topics {
		if _, ok := there[topic.Name]; !ok {
			errs = append(errs, create(ctx, admin, topic))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if there, err = shown(ctx, client, needs, there); err != nil {
		return err
	}
	for _, topic := range topics {
		if has := there[topic.Name]; has != int(topic.Partitions) {
			errs = append(errs, &WrongPartitions{Topic: topic.Name, Has: has, Needs: int(topic.Partitions)})
		}
	}
	return errors.Join(errs...)
}

// shown waits until the brokers show every topic: one that was just created comes to
// each of them a moment later.
func shown(ctx context.Context, client *kgo.Client, needs map[string]int32, there map[string]int) (map[string]int, error) {
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for len(there) < len(needs) {
		var err error
		if there, err = partitions(ctx, client, needs); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for created topics to be shown: %w", ctx.Err())
		case <-pause.C:
		}
	}
	return there, nil
}

// partitions of those of the topics that are there, as a broker says now: kadm would
// answer from a cache that does not know what was just created.
func partitions(ctx context.Context, client *kgo.Client, topics map[string]int32) (map[string]int, error) {
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		request.Topics = append(request.Topics, topic)
	}
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	there := make(map[string]int, len(topics))
	for _, topic := range answer.Topics {
		if topic.Topic == nil {
			continue
		}
		switch err := kerr.ErrorForCode(topic.ErrorCode); {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
		case err != nil:
			return nil, fmt.Errorf("topic %s: %w", *topic.Topic, err)
		default:
			there[*topic.Topic] = len(topic.Partitions)
		}
	}
	return there, nil
}

// create makes a topic. That somebody else just did is as good.
func create(ctx context.Context, admin *kadm.Client, topic event.Topic) error {
	const brokersDefault = -1
	made, err := admin.CreateTopic(ctx, topic.Partitions, brokersDefault, nil, topic.Name)
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("create topic %s: %w: let the user create topics, or create it with %d partitions", topic.Name, err, topic.Partitions)
	case err != nil && made.ErrMessage != "":
		return fmt.Errorf("create topic %s: %w: %s", topic.Name, err, made.ErrMessage)
	case err != nil:
		return fmt.Errorf("create topic %s: %w", topic.Name, err)
	}
	return nil
}
