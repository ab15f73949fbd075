package intake

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// of gives records of a topic's partition 0.
func of(topic string, offsets ...int64) (records []*kgo.Record) {
	for _, o := range offsets {
		records = append(records, &kgo.Record{Topic: topic, Offset: o})
	}
	return records
}

// due are the records whose offsets may be committed, and are from then on.
func due(o *offsets) (texts []string) {
	last := o.due()
	o.committed(last)
	for _, r := range last {
		texts = append(texts, fmt.Sprintf("%s/%d", r.Topic, r.Offset))
	}
	slices.Sort(texts)
	return texts
}

// A record that has not come to its end holds up the offsets of its own partition from there on, and no other.
func TestNothingIsCommittedBeforeItsEnd(t *testing.T) {
	o := newOffsets()
	a, b := of("a", 5, 6, 7, 8), of("b", 0, 1)
	o.read(a)
	o.read(b)
	steps := []struct {
		end  []*kgo.Record
		want []string
	}{
		{nil, nil},
		{[]*kgo.Record{a[0], a[2]}, []string{"a/5"}},
		{[]*kgo.Record{b[0], b[1]}, []string{"b/1"}},
		{[]*kgo.Record{a[3]}, nil},
		{[]*kgo.Record{a[1]}, []string{"a/8"}},
		{nil, nil},
	}
	for i, step := range steps {
		for _, r := range step.end {
			o.end(r)
		}
		if diff := cmp.Diff(step.want, due(o)); diff != "" {
			t.Errorf("step %d (-want +got)\n%s", i, diff)
		}
	}
}

// What goes to others is theirs to commit.
func TestWhatGoesToOthersIsForgotten(t *testing.T) {
	o := newOffsets()
	a := of("a", 0, 1)
	o.read(a)
	o.end(a[0])
	o.forget(map[string][]int32{"a": {0}})
	o.end(a[1])
	if got := due(o); got != nil {
		t.Errorf("%q", got)
	}
}
