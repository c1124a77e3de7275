package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// leaderless knows the partitions without a leader of topics that did not take a record in time. What goes there fails at
// once: the client would keep it for as long as it may, and all that is produced with it would wait. It is safe for
// concurrent use.
type leaderless struct {
	mu     sync.Mutex
	topics map[string]leaders
	byKey  kgo.TopicPartitioner
}

// leaders is what the brokers said of a topic's partitions.
type leaders struct {
	partitions int            // all of them
	missing    map[int32]bool // of these
	looked     time.Time
}

const (
	lookAgain = time.Second
	lookWait  = 2 * time.Second
)

func newLeaderless() *leaderless {
	return &leaderless{topics: map[string]leaders{}, byKey: kgo.StickyKeyPartitioner(nil).ForTopic("")}
}

// note looks for partitions without a leader in the topics of records that were not taken in time. Those that it knows it
// looks at again before they are produced to.
func (l *leaderless) note(ctx context.Context, client *kgo.Client, records []*Record, errs []error) {
	late := map[string]bool{}
	for i, err := range errs {
		if topic := records[i].Topic; isLate(err) && !late[topic] && !l.knows(topic) {
			late[topic] = true
			l.look(ctx, client, topic)
		}
	}
}

func isLate(err error) bool {
	return errors.Is(err, kgo.ErrRecordTimeout) || errors.Is(err, kerr.LeaderNotAvailable)
}

func (l *leaderless) knows(topic string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.topics[topic]
	return known
}

// refusals are why records cannot be produced now, an error a record; nil where nothing is known to be missing.
func (l *leaderless) refusals(ctx context.Context, client *kgo.Client, records []*Record) []error {
	for _, topic := range l.outdated() {
		l.look(ctx, client, topic)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.topics) == 0 {
		return nil
	}
	errs := make([]error, len(records))
	for i, r := range records {
		known, some := l.topics[r.Topic]
		if !some || r.Key == nil {
			continue
		}
		if partition := int32(l.byKey.Partition(r, known.partitions)); known.missing[partition] {
			errs[i] = fmt.Errorf("partition %d of %s: %w", partition, r.Topic, kerr.LeaderNotAvailable)
		}
	}
	return errs
}

func (l *leaderless) outdated() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var topics []string
	for topic, known := range l.topics {
		if time.Since(known.looked) > lookAgain {
			topics = append(topics, topic)
		}
	}
	return topics
}

// look asks the brokers. Where they do not answer, nothing is known.
func (l *leaderless) look(ctx context.Context, client *kgo.Client, topic string) {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	found := leaders{missing: map[int32]bool{}, looked: time.Now()}
	if described, err := describeTopics(ctx, client, topic); err == nil && len(described) == 1 {
		found.partitions = len(described[0].Partitions)
		for _, p := range described[0].Partitions {
			if errors.Is(kerr.ErrorForCode(p.ErrorCode), kerr.LeaderNotAvailable) {
				found.missing[p.Partition] = true
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(found.missing) == 0 {
		delete(l.topics, topic)
		return
	}
	l.topics[topic] = found
}
