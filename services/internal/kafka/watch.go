package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// watchLoop looks after what the poll loop cannot see: topics that are missing or were created again, and the lag.
func (s *session) watchLoop(ctx context.Context) {
	var missingBefore string
	var reported bool
	for ctx.Err() == nil {
		interval := 5 * time.Second
		missing, err := s.watchTopics(ctx)
		switch {
		case err != nil:
			s.c.config.Report(fmt.Errorf("reach the brokers: %w%s", err, s.waitsForFile()))
			reported, interval = true, time.Second
		case missing != "":
			s.c.config.Report(fmt.Errorf("no such topic: %s; `openorder topics create` makes them", missing))
			if missing != missingBefore {
				s.c.config.Log.Warn("topics are missing; consuming goes on when they exist (`openorder topics create` makes them)", "topics", missing)
			}
			s.client.ForceMetadataRefresh()
			reported, interval = true, 500*time.Millisecond
		case s.fetchedAgain() || reported:
			s.c.config.Report(nil)
			reported = false
		}
		missingBefore = missing
		s.observeLag(ctx)
		pause(ctx, interval)
	}
}

// fetchedAgain tells, once, that a fetch had failed; if it goes on failing, the next look is told again.
func (s *session) fetchedAgain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.fetchFailed
	s.fetchFailed = false
	return failed
}

func (s *session) waitsForFile() string {
	if path := s.c.config.Kafka.MissingFile(); path != "" {
		return " (waiting for the file " + path + ")"
	}
	return ""
}

// watchTopics names the topics that do not exist, and ends the session when one is not the one that it was.
func (s *session) watchTopics(ctx context.Context) (missing string, err error) {
	ids, err := s.lookUpIDs(ctx, s.c.config.Topics)
	if err != nil {
		return "", err
	}
	var absent []string
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range s.c.config.Topics {
		id, exists := ids[topic]
		before, known := s.topicIDs[topic]
		switch {
		case !exists:
			absent = append(absent, topic)
		case known && id != before && s.err == nil:
			s.err = fmt.Errorf("%w: %s", errRecreated, topic)
		case !known:
			s.topicIDs[topic] = id
		}
	}
	return strings.Join(absent, ", "), nil
}

// lookUpIDs tells the topics' ids. Topics that do not exist are left out.
func (s *session) lookUpIDs(ctx context.Context, topics []string) (map[string][16]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	described, err := describeTopics(ctx, s.client, topics...)
	if err != nil {
		return nil, err
	}
	ids := map[string][16]byte{}
	for _, topic := range described {
		switch err := kerr.ErrorForCode(topic.ErrorCode); {
		case err == nil || errors.Is(err, kerr.LeaderNotAvailable):
			ids[*topic.Topic] = topic.TopicID
		case errors.Is(err, kerr.UnknownTopicOrPartition):
		default:
			return nil, fmt.Errorf("look up topic %s: %w", *topic.Topic, err)
		}
	}
	return ids, nil
}

// describeTopics asks the brokers, not the client's cache as kadm does.
func describeTopics(ctx context.Context, client *kgo.Client, topics ...string) ([]kmsg.MetadataResponseTopic, error) {
	request := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		wanted := kmsg.NewMetadataRequestTopic()
		wanted.Topic = kmsg.StringPtr(topic)
		request.Topics = append(request.Topics, wanted)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	return response.Topics, nil
}

// observeLag sets the lag of each assigned partition: how many offsets lie between what is finished and the end.
func (s *session) observeLag(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ends, err := s.admin.ListCommittedOffsets(ctx, s.c.config.Topics...)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, p := range s.partitions {
		end, ok := ends.Lookup(at.topic, at.partition)
		if !ok || end.Err != nil || p.low.next < 0 && p.committed < 0 {
			continue
		}
		s.c.metrics.lag.WithLabelValues(at.topic, fmt.Sprint(at.partition)).Set(float64(max(0, end.Offset-p.low.next)))
	}
	open := 0
	for _, p := range s.partitions {
		open += p.low.open()
	}
	s.c.metrics.openOffsets.Set(float64(open))
}
