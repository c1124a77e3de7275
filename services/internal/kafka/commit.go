package kafka

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// committedUnder is what a fetched commit says in its metadata: the topic id for which it was made, or nothing where
// somebody else committed.
type committedUnder struct{ topicID string }

func (s *session) commitLoop(ctx context.Context) {
	tick := time.NewTicker(commitInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.commit(ctx)
		}
	}
}

// commit commits each partition's low-water mark, if it has moved. The commit's metadata holds the topic's id: brokers
// before 4.2 keep the commits of a deleted topic for the next one of that name, and would let us skip its records.
func (s *session) commit(ctx context.Context) {
	s.commits.Lock()
	defer s.commits.Unlock()
	marks, ids := s.marks()
	if len(marks) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, rebalanceWait)
	defer cancel()
	withIDs := kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
		for i := range request.Topics {
			topic := &request.Topics[i]
			for j := range topic.Partitions {
				topic.Partitions[j].Metadata = kmsg.StringPtr(ids[topic.Topic])
			}
		}
		return nil
	})
	s.client.CommitOffsetsSync(withIDs, marks, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		if err != nil || response == nil {
			s.c.config.Log.Debug("commit failed; it is tried again", "group", s.c.config.Group, "error", err)
			return
		}
		s.committedTo(marks, response)
	})
}

// marks are the offsets to commit, and the ids of their topics.
func (s *session) marks() (map[string]map[int32]kgo.EpochOffset, map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	marks := map[string]map[int32]kgo.EpochOffset{}
	ids := map[string]string{}
	for at, p := range s.partitions {
		if p.low.next < 0 || p.low.next == p.committed {
			continue
		}
		if marks[at.topic] == nil {
			marks[at.topic] = map[int32]kgo.EpochOffset{}
		}
		marks[at.topic][at.partition] = kgo.EpochOffset{Epoch: p.epoch, Offset: p.low.next}
		if id, known := s.topicIDs[at.topic]; known {
			ids[at.topic] = hex.EncodeToString(id[:])
		}
	}
	return marks, ids
}

func (s *session) committedTo(marks map[string]map[int32]kgo.EpochOffset, response *kmsg.OffsetCommitResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range response.Topics {
		for _, answer := range topic.Partitions {
			p := s.partitions[topicPartition{topic.Topic, answer.Partition}]
			mark, ours := marks[topic.Topic][answer.Partition]
			if answer.ErrorCode == 0 && p != nil && ours {
				p.committed = mark.Offset
			}
		}
	}
}

// offsetsFetched remembers under which topic ids the group's commits were made.
func (s *session) offsetsFetched(_ context.Context, _ *kgo.Client, response *kmsg.OffsetFetchResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	remember := func(topic string, number int32, metadata *string) {
		if metadata != nil && len(*metadata) == 32 {
			s.committed[topicPartition{topic, number}] = committedUnder{*metadata}
		}
	}
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			remember(topic.Topic, p.Partition, p.Metadata)
		}
	}
	for _, group := range response.Groups {
		for _, topic := range group.Topics {
			for _, p := range topic.Partitions {
				remember(topic.Topic, p.Partition, p.Metadata)
			}
		}
	}
	return nil
}

// adjustOffsets starts partitions from their beginning whose commit was made for a topic that is gone.
func (s *session) adjustOffsets(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	topics := make([]string, 0, len(offsets))
	for topic := range offsets {
		topics = append(topics, topic)
	}
	ids, err := s.lookUpIDs(ctx, topics)
	for again := 0; err == nil && len(ids) < len(topics) && again < 10; again++ {
		pause(ctx, 200*time.Millisecond) // a broker that has just started may not know them yet
		ids, err = s.lookUpIDs(ctx, topics)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, partitions := range offsets {
		id, known := ids[topic]
		if !known {
			continue
		}
		if _, pinned := s.topicIDs[topic]; !pinned {
			s.topicIDs[topic] = id
		}
		for number := range partitions {
			under, committed := s.committed[topicPartition{topic, number}]
			if committed && under.topicID != hex.EncodeToString(id[:]) {
				s.c.config.Log.Warn("the topic was created again: read it from its beginning", "topic", topic, "partition", number)
				partitions[number] = kgo.NewOffset().AtStart()
			}
		}
	}
	return offsets, nil
}
