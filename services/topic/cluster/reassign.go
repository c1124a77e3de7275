package cluster

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/batch"
)

// Reassigned is how many replicas a topic has once the reassignments of its partitions are done. Until then Metadata shows
// those that come beside those that go.
func (c *Cluster) Reassigned(ctx context.Context, shown *topic.Topic) (int32, error) {
	return c.reassigns.Ask(ctx, shown)
}

func (c *Cluster) reassigned(ctx context.Context, asked []*topic.Topic) []batch.Answer[int32] {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	for _, shown := range asked {
		t := kmsg.NewListPartitionReassignmentsRequestTopic()
		t.Topic = shown.Name
		for partition := range shown.Partitions {
			t.Partitions = append(t.Partitions, partition)
		}
		req.Topics = append(req.Topics, t)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var failed *Error
	resp, err := req.RequestWith(ctx, c.client) // by itself: brokers that do not know it are not away
	if err != nil {
		failed = failure(err)
	} else {
		failed = refusal(resp.ErrorCode, resp.ErrorMessage, 0)
	}
	answers := make([]batch.Answer[int32], len(asked))
	for i, shown := range asked {
		if failed != nil {
			answers[i].Err = failed
			continue
		}
		answers[i].Value = shown.Replicas
		for _, t := range resp.Topics {
			if t.Topic != shown.Name {
				continue
			}
			for _, p := range t.Partitions {
				answers[i].Value = min(answers[i].Value, int32(len(p.Replicas)-len(p.RemovingReplicas)))
			}
		}
	}
	return answers
}
