package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// assigned starts new partitions. It is called before anything of them is fetched.
func (s *session) assigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, numbers := range added {
		for _, number := range numbers {
			s.partitions[topicPartition{topic, number}] = &partition{topic: topic, number: number, low: newLowWater(), committed: -1}
		}
	}
}

// revoked commits what is finished, while the partitions are still ours, then drops them with all that waits.
func (s *session) revoked(ctx context.Context, _ *kgo.Client, removed map[string][]int32) {
	if len(removed) == 0 {
		return
	}
	s.working.Lock()
	defer s.working.Unlock()
	s.settleInFlight(rebalanceWait)
	s.commit(ctx)
	s.drop(removed)
}

// lost drops partitions that are somebody else's already: nothing of them may be committed any more.
func (s *session) lost(_ context.Context, _ *kgo.Client, removed map[string][]int32) {
	s.working.Lock()
	defer s.working.Unlock()
	s.drop(removed)
}

// drop forgets partitions, and what was reported of them: what goes on with others is reported again at its next attempt.
func (s *session) drop(removed map[string][]int32) {
	defer s.c.config.Report(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, numbers := range removed {
		for _, number := range numbers {
			at := topicPartition{topic, number}
			p := s.partitions[at]
			if p == nil {
				continue
			}
			if p.paused {
				s.client.ResumeFetchPartitions(map[string][]int32{topic: {number}})
			}
			p.gone = true
			s.waiting.drop(p)
			delete(s.partitions, at)
			s.c.metrics.forget(at)
		}
	}
}

// settleInFlight waits until every emitted record is acknowledged or refused, a bounded time.
func (s *session) settleInFlight(bound time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaitInFlight(ctx, 0)
}
