package reconcile_test

import (
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/testenv"
)

// While partitions are reassigned, Apache Kafka shows the replicas that come beside those that go.
func TestReplicasThatComeAndGoAreNotTooMany(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	var shown, listed atomic.Bool
	var id atomic.Value
	fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if asked := req.(*kmsg.MetadataRequest).Topics; !shown.Load() || len(asked) == 0 {
			return nil, nil, false
		}
		return shownWith(t, fake, req, id.Load().([16]byte), 0, 1), nil, true
	})
	fake.ControlKey(int16(kmsg.ListPartitionReassignments), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
		resp.Topics = []kmsg.ListPartitionReassignmentsResponseTopic{{Topic: "orders", Partitions: []kmsg.ListPartitionReassignmentsResponseTopicPartition{
			{Partition: 0, Replicas: []int32{0, 1}, AddingReplicas: []int32{1}, RemovingReplicas: []int32{0}},
		}}}
		return resp, nil, listed.Load()
	})
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, replicas: 1}`)
	b.until("orders", "True Synced")
	b.rest()
	id.Store(b.id("orders"))
	before := b.gate.writes()
	listed.Store(true)
	shown.Store(true)
	b.rest()
	if got := ready(b.get("orders")); !strings.HasPrefix(got, "True Synced") || b.gate.writes() != before {
		t.Errorf("after %d writes it is %s", b.gate.writes()-before, got)
	}
	listed.Store(false)
	b.until("orders", "False NotSupported: The topic has 2 replicas")
}

// id is a topic's id as it goes over the wire.
func (b *bundle) id(name string) [16]byte {
	b.Helper()
	topics, err := b.admin.ListTopics(b.Context(), name)
	b.must(err)
	return topics[name].ID
}

// shownWith is a Metadata answer in which the topics that were asked for have one partition with these replicas.
func shownWith(t *testing.T, fake *kfake.Cluster, req kmsg.Request, id [16]byte, replicas ...int32) kmsg.Response {
	t.Helper()
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	host, port, err := net.SplitHostPort(fake.ListenAddrs()[0])
	if err != nil {
		t.Error(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Error(err)
	}
	resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 0, Host: host, Port: int32(number)}}
	for _, asked := range req.(*kmsg.MetadataRequest).Topics {
		shown := kmsg.NewMetadataResponseTopic()
		shown.Topic, shown.TopicID = asked.Topic, id
		shown.Partitions = []kmsg.MetadataResponseTopicPartition{{Replicas: replicas, ISR: replicas}}
		resp.Topics = append(resp.Topics, shown)
	}
	return resp
}
