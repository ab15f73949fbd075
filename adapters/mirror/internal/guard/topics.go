package guard

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// newestOffset asks ListOffsets for the end of a partition.
const newestOffset = -1

// Ends asks the brokers what the topics of events are now, by name. One that is not there
// is left out. No cache of the client's is asked: it may show a topic that was deleted.
func Ends(ctx context.Context, brokers *kgo.Client) (map[string]mirrordb.Topic, error) {
	ask := kmsg.NewPtrMetadataRequest()
	for _, t := range event.Topics() {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(t.Name)
		ask.Topics = append(ask.Topics, topic)
	}
	there, err := ask.RequestWith(ctx, brokers)
	if err != nil {
		return nil, fmt.Errorf("look at the topics: %w", err)
	}
	found := map[string]mirrordb.Topic{}
	offsets := kmsg.NewPtrListOffsetsRequest()
	offsets.ReplicaID = -1
	for _, t := range there.Topics {
		if t.Topic == nil || t.ErrorCode != 0 {
			continue
		}
		found[*t.Topic] = mirrordb.Topic{Name: *t.Topic, ID: kadm.TopicID(t.TopicID).String()}
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic = *t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewListOffsetsRequestTopicPartition()
			partition.Partition, partition.Timestamp = p.Partition, newestOffset
			topic.Partitions = append(topic.Partitions, partition)
		}
		offsets.Topics = append(offsets.Topics, topic)
	}
	if len(offsets.Topics) == 0 {
		return found, nil
	}
	return found, addEnds(ctx, brokers, offsets, found)
}

// addEnds adds up where the partitions end.
func addEnds(ctx context.Context, brokers *kgo.Client, ask *kmsg.ListOffsetsRequest, to map[string]mirrordb.Topic) error {
	ends, err := ask.RequestWith(ctx, brokers)
	if err != nil {
		return fmt.Errorf("ask where the topics end: %w", err)
	}
	for _, t := range ends.Topics {
		topic := to[t.Topic]
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("ask where topic %s ends: partition %d: %w", t.Topic, p.Partition, err)
			}
			topic.End += p.Offset
		}
		to[t.Topic] = topic
	}
	return nil
}
