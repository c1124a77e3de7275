// Package consume reads topics as they stood at one moment: from a fixed beginning to a fixed end, committed records
// only, partition by partition, in memory that does not grow with the topic.
package consume

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter"
)

// ErrNoTopic means that the cluster has no such topic.
var ErrNoTopic = errors.New("no such topic")

// Snapshot is a topic as it stood at one moment. What is written later, or belonged to a transaction that was still open,
// is not in it.
type Snapshot struct {
	Topic    string
	TopicID  string // identity, see deadletter.ID
	Replicas int

	client     *kgo.Client
	admin      *kadm.Client
	id         kadm.TopicID
	leaders    map[int32]int32
	partitions []bounds
}

type bounds struct {
	partition  int32
	start, end int64
}

// Take takes a snapshot.
func Take(ctx context.Context, client *kgo.Client, topic string) (*Snapshot, error) {
	s := &Snapshot{Topic: topic, client: client, admin: kadm.NewClient(client)}
	found, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	s.id, s.TopicID, s.Replicas = found.ID, identity(found), found.Partitions.NumReplicas()
	if s.partitions, err = s.offsets(ctx); err != nil {
		return nil, fmt.Errorf("look up the offsets of %s: %w", topic, err)
	}
	return s, nil
}

// identity is the topic's id as Kafka prints it, or its name where the cluster has no ids.
func identity(topic kadm.TopicDetail) string {
	if topic.ID == (kadm.TopicID{}) {
		return topic.Topic
	}
	return base64.RawURLEncoding.EncodeToString(topic.ID[:])
}

// describe looks the topic up, and where its leaders are.
func (s *Snapshot) describe(ctx context.Context) (kadm.TopicDetail, error) {
	topics, err := s.admin.ListTopics(ctx, s.Topic)
	if err != nil {
		return kadm.TopicDetail{}, fmt.Errorf("look up the topic %s: %w", s.Topic, err)
	}
	found := topics[s.Topic]
	switch {
	case errors.Is(found.Err, kerr.UnknownTopicOrPartition):
		return found, fmt.Errorf("%w: %s", ErrNoTopic, s.Topic)
	case found.Err != nil:
		return found, fmt.Errorf("look up the topic %s: %w", s.Topic, found.Err)
	}
	s.leaders = map[int32]int32{}
	for _, p := range found.Partitions {
		s.leaders[p.Partition] = p.Leader
	}
	return found, nil
}

func (s *Snapshot) offsets(ctx context.Context) ([]bounds, error) {
	starts, err := s.admin.ListStartOffsets(ctx, s.Topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, err
	}
	ends, err := s.admin.ListCommittedOffsets(ctx, s.Topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	var all []bounds
	for partition, start := range starts[s.Topic] {
		end, _ := ends.Lookup(s.Topic, partition)
		all = append(all, bounds{partition, start.Offset, max(start.Offset, end.Offset)})
	}
	slices.SortFunc(all, func(a, b bounds) int { return int(a.partition) - int(b.partition) })
	return all, nil
}

// Partitions is how many partitions the topic has.
func (s *Snapshot) Partitions() int { return len(s.partitions) }

// From leaves out what is in an earlier snapshot of the same topic.
func (s *Snapshot) From(earlier *Snapshot) {
	if earlier.TopicID != s.TopicID {
		return
	}
	for i := range s.partitions {
		for _, e := range earlier.partitions {
			if e.partition == s.partitions[i].partition {
				s.partitions[i].start = max(s.partitions[i].start, e.end)
			}
		}
	}
}

// Records hands every record of the snapshot to take, partition by partition, until take fails.
func (s *Snapshot) Records(ctx context.Context, take func(*kgo.Record) error) error {
	for _, b := range s.partitions {
		if err := s.read(ctx, b, take); err != nil {
			return err
		}
	}
	return nil
}

// Letters hands every letter that the filter may choose to take: it reads no partition, offset or time that cannot hold
// one, and leaves the choice to the caller.
func (s *Snapshot) Letters(ctx context.Context, filter deadletter.Filter, take func(deadletter.Letter) error) error {
	parts, err := s.narrow(ctx, filter)
	if err != nil {
		return err
	}
	for _, b := range parts {
		if err := s.read(ctx, b, func(r *kgo.Record) error { return take(s.letter(r)) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) narrow(ctx context.Context, filter deadletter.Filter) ([]bounds, error) {
	parts := within(s.partitions, filter.Spans)
	if filter.Since.IsZero() {
		return parts, nil
	}
	after, err := s.admin.ListOffsetsAfterMilli(ctx, filter.Since.UnixMilli(), s.Topic)
	if err == nil {
		err = after.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("look up the offsets of %s since %s: %w", s.Topic, filter.Since.Format(time.RFC3339), err)
	}
	for i, b := range parts {
		if first, found := after.Lookup(s.Topic, b.partition); found {
			parts[i].start = max(b.start, first.Offset)
		}
	}
	return parts, nil
}

// within cuts the partitions to the spans, overlapping spans joined, so that no letter is read twice.
func within(partitions []bounds, spans []deadletter.Span) []bounds {
	if len(spans) == 0 {
		return slices.Clone(partitions)
	}
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b deadletter.Span) int {
		if a.Partition != b.Partition {
			return int(a.Partition) - int(b.Partition)
		}
		return int(min(max(a.From-b.From, -1), 1))
	})
	var parts []bounds
	for _, p := range partitions {
		at := p.start
		for _, span := range spans {
			if span.Partition != p.partition {
				continue
			}
			cut := bounds{p.partition, max(at, span.From), min(p.end, span.To)}
			if cut.start < cut.end {
				parts = append(parts, cut)
				at = cut.end
			}
		}
	}
	return parts
}

func (s *Snapshot) letter(r *kgo.Record) deadletter.Letter {
	headers := make([]deadletter.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = deadletter.Header(h)
	}
	return deadletter.Letter{
		ID:    deadletter.ID{TopicID: s.TopicID, Partition: r.Partition, Offset: r.Offset},
		Topic: s.Topic, Key: r.Key, Value: r.Value, Headers: headers, Timestamp: r.Timestamp, LeaderEpoch: r.LeaderEpoch,
	}
}
