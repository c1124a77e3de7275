package cluster_test

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
)

// Not every cluster of Kafka's protocol tells of reassignments.
func TestBrokersThatDoNotKnowReassignmentsAreNotAway(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t, kfake.MaxVersions(kversion.V2_3_0()))
	c, err := cluster.Open(brokers, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(err error) {
		if err != nil {
			t.Errorf("the brokers are away: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if replicas, err := c.Reassigned(t.Context(), &topic.Topic{Name: "orders", Partitions: 1, Replicas: 2}); err == nil {
		t.Errorf("told of %d replicas", replicas)
	}
}
