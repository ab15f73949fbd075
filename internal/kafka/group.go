package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Silence is how long a member of a group may say nothing before others are given its partitions: a
// process that was killed holds up what it consumed for so long. A heartbeat goes out four times in it.
const Silence = 12 * time.Second

// Group are the options of a member of a consumer group. It begins where the topics begin, and commits
// when it says so.
func Group(name string, topics ...string) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(name), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(Silence), kgo.HeartbeatInterval(Silence / 4),
	}
}
